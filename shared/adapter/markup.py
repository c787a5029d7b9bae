"""The words of a piece of HTML, as a reader sees them."""

from html.parser import HTMLParser

_SILENT = {"style", "script", "sup"}
_VOID = {"br", "img", "hr", "wbr", "input", "link", "meta"}


def plain(markup: str) -> str:
    """Return the text without tags, hidden parts and superfluous blanks."""
    if "<" not in markup and "&" not in markup:
        return " ".join(markup.split())
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return " ".join("".join(reader.words).split())


class _Reader(HTMLParser):
    """Collects what is shown: templates on Commons leave hidden spans for machines in the author's name."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._hidden: list[bool] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            self.words.append(" " if tag == "br" else "")
            return
        style = (dict(attrs).get("style") or "").replace(" ", "").lower()
        self._hidden.append(tag in _SILENT or "display:none" in style)
        if tag in {"p", "div", "li", "td", "tr"}:
            self.words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag not in _VOID and self._hidden:
            self._hidden.pop()

    def handle_data(self, data: str) -> None:
        if not any(self._hidden):
            self.words.append(data)
