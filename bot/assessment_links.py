"""Addresses of the pages and files that an assessment leaves, each for its owner's session alone."""

PEOPLE_FILE = "逐人结果.json"


def decision_address(id: str) -> str:
    """The page of a stored decision."""
    return f"/assessments/{id}"


def file_address(id: str) -> str:
    """A kept file, to be fetched."""
    return f"/files/{id}"


def people_address(id: str) -> str:
    """The page of everybody's result, from the kept file with this id."""
    return f"/assessments/people/{id}"
