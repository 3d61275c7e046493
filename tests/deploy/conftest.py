"""What the checks of deploy/ share: the tools that deploy/tools.sh installs, the program's routes, and nginx in front of a server."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sanic import Sanic

from bot.server import build_app
from bot.settings import read_settings
from tests.conftest import ROOT
from tests.deploy.proxy import Echo, Proxy

DEPLOY = ROOT / "deploy"
TOOLS = ROOT / ".venv" / "deploy-tools"
# Every channel and every page: what is mounted only with settings must be in the allow list too.
EVERYTHING = {
    "SECRET_KEY": "only-for-tests",
    "STAFF_TOKEN": "only-for-tests-too",
    "WECHAT_TOKEN": "t",
    "WECOM_CORP_ID": "wx5823bf96d3bd56c7",
    "WECOM_SECRET": "s",
    "WECOM_TOKEN": "t",
    "WECOM_AES_KEY": "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
    "LINE_CHANNEL_SECRET": "s",
    "LINE_CHANNEL_ACCESS_TOKEN": "t",
}
# One address of each kind; a route with a new kind of part needs its example here.
EXAMPLES = {
    "slug": "sx-2021-453",
    "programme": "training-allowance",
    "id": "Ab3_x-Zq9",
    "number": "42",
    "code": "K7M2-QX9D",
    "file": "K7M2-QX9D.ics",
    "what": "decline",
}


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """The path of an installed tool. Where it is missing the test is skipped, but fails in CI, which installs them all."""

    def found(name: str) -> Path:
        path = shutil.which(
            name, path=os.pathsep.join([str(TOOLS), str(TOOLS / "bin"), os.environ["PATH"], "/usr/sbin"])
        )
        if path is None:
            message = f"{name} is not installed: bash deploy/tools.sh"
            pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
        return Path(path)

    return found


@pytest.fixture(scope="session")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """An example of every address that the program serves."""
    var = tmp_path_factory.mktemp("routes")
    Sanic.test_mode = True
    app = build_app(read_settings({**EVERYTHING, "VAR_DIR": str(var)}), Path("no-model"))
    Sanic.unregister_app(app)
    return sorted({example(f"/{route.path.lstrip('/')}") for route in app.router.routes})


def example(path: str) -> str:
    return re.sub(r"<(\w+)(?::[^>]*)?>", lambda part: EXAMPLES[part[1]], path)


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        yield server


@pytest.fixture
def proxy(echo: Echo, tool: Callable[[str], Path], tmp_path: Path) -> Iterator[Proxy]:
    """nginx with our rules in front of a server that tells what it was asked."""
    with Proxy(tool("nginx"), DEPLOY / "nginx", tmp_path, [echo.port]) as running:
        yield running
