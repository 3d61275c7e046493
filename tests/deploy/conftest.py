"""What the checks of deploy/ share: the tools that deploy/tools.sh installs, the program's routes, and nginx in front of a server."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

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
    "WECOM_AGENT_ID": "1000002",
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
    "name": "chat-BEWNbDeT.js",
}
_ROUTES = """
import json
from pathlib import Path
from bot import assembly
from bot.server import build_app
from bot.settings import read_settings
app = build_app(read_settings(), Path("no-model"))
print(json.dumps([route.path for route in app.router.routes]))
"""


@pytest.fixture(scope="session")
def tool() -> Callable[[str], Path]:
    """The path of an installed tool. Where it is missing the test is skipped, but fails in CI, which installs them all (but kubectl)."""

    def found(name: str) -> Path:
        path = shutil.which(
            name, path=os.pathsep.join([str(TOOLS), str(TOOLS / "bin"), os.environ["PATH"], "/usr/sbin"])
        )
        if path is None:
            message = f"{name} is not installed: bash deploy/tools.sh"
            raise (pytest.fail if os.environ.get("CI") and name != "kubectl" else pytest.skip).Exception(message)
        return Path(path)

    return found


@pytest.fixture(scope="session")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """An example of every address that the program serves, asked of a process of its own: an app leaves its marks on one."""
    environment = {**os.environ, **EVERYTHING, "VAR_DIR": str(tmp_path_factory.mktemp("routes"))}
    run = subprocess.run([sys.executable, "-c", _ROUTES], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return sorted({example(f"/{path.lstrip('/')}") for path in json.loads(run.stdout.splitlines()[-1])})


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
