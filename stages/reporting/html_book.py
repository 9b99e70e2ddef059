"""The lab book as HTML: pictures inside, tables to sort, and a list of contents."""

import base64
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

TEXTS = "Texts"  # left out: the page shows more of them, by itself
EXPERIMENTS = "Recorded experiments"  # a page of their own length: each opens by itself

_INTERVAL = re.compile(r"(.+?) (\(\S+ to \S+\))")


class Entry(NamedTuple):
    """A line of the list of contents: the element that it leads to, its title, the lines below."""

    id: str
    title: str
    parts: tuple["Entry", ...] = ()


class Book(NamedTuple):
    """A lab book in HTML.

    Attributes:
        introduction: what stands before the first section.
        run: the sections on this run, "" where there are none.
        experiments: the section on recorded ones, likewise.
        contents: of both, in order.
    """

    introduction: str
    run: str
    experiments: str
    contents: list[Entry]


def render_book(markdown: str, folder: Path) -> Book:
    """Turn a lab book into HTML; what would be HTML in it is text.

    Args:
        markdown: the lab book.
        folder: where it lies, to which the paths of its pictures are relative. A picture that is
            not there, or lies outside the folder's parent, is left out.
    """
    reader = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).enable("table")
    env: dict[str, Any] = {"folder": folder, "tables": Counter()}
    ids: Counter[str] = Counter()

    def render(title: str, tokens: Sequence[Token]) -> str:
        return reader.renderer.render(tokens, reader.options, env | {"title": title})

    introduction, run, experiments, contents = "", "", "", []
    for title, tokens in _split(reader.parse(markdown), "h2"):
        if not title:
            introduction = "".join(render("Lab book", part) for _, part in _split(tokens, "h1"))
            continue
        if title == TEXTS:
            continue
        (_, first), *parts = _split(tokens, "h3")
        entry = Entry(_name_id(title, ids), title)
        body, below = render(title, first), []
        for part, own in parts:
            below.append(Entry(_name_id(part, ids), part))
            body += (_fold if title == EXPERIMENTS else _head)(below[-1], render(part, own))
        contents.append(entry._replace(parts=tuple(below)))
        section = f'<section id="{entry.id}"><h2>{escape(title)}</h2>\n{body}</section>\n'
        if title == EXPERIMENTS:
            experiments += section
        else:
            run += section
    return Book(introduction, run, experiments, contents)


def render_contents(entries: Sequence[Entry]) -> str:
    """Set out a list of contents."""
    lines = (
        f'<li><a href="#{entry.id}">{escape(entry.title)}</a>'
        f"{render_contents(entry.parts) if entry.parts else ''}</li>\n"
        for entry in entries
    )
    return f"<ul>\n{''.join(lines)}</ul>"


def _split(tokens: Sequence[Token], tag: str) -> Iterator[tuple[str, Sequence[Token]]]:
    """Yield what stands before the first heading of a kind, named "", then each heading's part."""
    kind = [token.tag if token.type == "heading_open" else "" for token in tokens]
    starts = [place for place, found in enumerate(kind) if found == tag]
    ends = [*starts[1:], len(tokens)]
    yield "", tokens[: starts[0] if starts else len(tokens)]
    for start, end in zip(starts, ends, strict=bool(starts)):
        yield _plain(tokens[start + 1].children), tokens[start + 3 : end]


def _plain(tokens: Sequence[Token] | None) -> str:
    return "".join(token.content for token in tokens or () if token.type != "softbreak")


def _name_id(title: str, ids: Counter[str]) -> str:
    """Make an id of a title, another one for each."""
    name = "book-" + re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    ids[name] += 1
    return name if ids[name] == 1 else f"{name}--{ids[name]}"


def _head(entry: Entry, body: str) -> str:
    return f'<h3 id="{entry.id}">{escape(entry.title)}</h3>\n{body}'


def _fold(entry: Entry, body: str) -> str:
    title = f'<h3 id="{entry.id}">{escape(entry.title)}</h3>'
    return f"<details><summary>{title}</summary>\n{body}</details>\n"


class _Renderer(RendererHTML):
    """markdown-it's, but for tables and pictures. `env` holds the title of the part at hand."""

    def table_open(self, tokens, idx, options, env: dict[str, Any]) -> str:
        env["tables"][env["title"]] += 1
        number = env["tables"][env["title"]]
        name = escape(f"{env['title']}, table {number}" if number > 1 else env["title"])
        return (
            f'<div class="wide" role="region" tabindex="0" aria-label="{name}">'
            f'<table class="sorts"><caption class="only-read-aloud">{name}</caption>\n'
        )

    def table_close(self, tokens, idx, options, env) -> str:
        return "</table></div>\n"

    def th_open(self, tokens, idx, options, env) -> str:
        return f'<th scope="col"{_kind(tokens[idx])}>'

    def td_open(self, tokens, idx, options, env) -> str:
        if tokens[idx - 1].type == "tr_open":
            return '<th scope="row">'
        return f"<td{_kind(tokens[idx])}>"

    def td_close(self, tokens, idx, options, env) -> str:
        return "</th>\n" if tokens[idx - 3].type == "tr_open" else "</td>\n"

    def text(self, tokens, idx, options, env) -> str:
        content = tokens[idx].content
        found = _INTERVAL.fullmatch(content)
        if not found or len(tokens) > 1:
            return escape(content)
        return f'{escape(found[1])} <span class="interval">{escape(found[2])}</span>'

    def paragraph_open(self, tokens, idx, options, env) -> str:
        return "" if _is_picture(tokens[idx + 1]) else self.renderToken(tokens, idx, options, env)

    def paragraph_close(self, tokens, idx, options, env) -> str:
        return "" if _is_picture(tokens[idx - 1]) else self.renderToken(tokens, idx, options, env)

    def image(self, tokens, idx, options, env) -> str:
        name = escape(_plain(tokens[idx].children))
        source = read_picture(env["folder"], str(tokens[idx].attrs["src"]))
        if not source:
            return ""
        return (
            f'<div class="wide picture" role="region" tabindex="0" aria-label="{name}">'
            f'<img src="{source}" alt="{name}"></div>\n'
        )


def _kind(token: Token) -> str:
    return ' class="number"' if "right" in str(token.attrs.get("style", "")) else ""


def _is_picture(token: Token) -> bool:
    return [each.type for each in token.children or ()] == ["image"]


def read_picture(folder: Path, path: str) -> str:
    """Return a PNG as the address that holds it, "" where there is none beside or in the folder."""
    file, above = (folder / path).resolve(), folder.resolve().parent
    if file.suffix != ".png" or not file.is_file() or not file.is_relative_to(above):
        return ""
    return "data:image/png;base64," + base64.b64encode(file.read_bytes()).decode()
