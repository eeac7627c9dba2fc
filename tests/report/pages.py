"""Write and parse the report of a run."""

from html.parser import HTMLParser
from pathlib import Path

from ganctl import report
from ganctl.runs.run import Run


class Page(HTMLParser):
    """The elements, the text and the scripts of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text, self.scripts = "", list[str]()
        self.open_tag = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open_tag = tag
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.open_tag = ""

    def handle_data(self, data: str) -> None:
        if self.open_tag == "script":
            self.scripts.append(data)
        elif self.open_tag != "style":
            self.text += f" {data}"

    @property
    def words(self) -> str:
        """The text with single spaces."""
        return " ".join(self.text.split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element with that tag."""
        return [attributes for name, attributes in self.elements if name == tag]


def write_page(run: Run) -> Page:
    """Write the report of a run into it, and parse it."""
    report.write(run, run.report)
    return Page(run.report)
