"""The measurements as tables."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from pathlib import Path

from benchmarks.quality.optimum import Optimum
from benchmarks.quality.results import Entry, Results
from benchmarks.quality.stylizers import BenchmarkStylizer, Photo

Row = list[str]
PICTURE_COLUMNS = ["style, level 0", "1", "2", "3", "content", "tone", "palette", "own painting the nearest"]


def report(
    results: Results, stylizers: list[BenchmarkStylizer], styles: list[str], photos: list[str], folder: Path
) -> None:
    """Write table.md to the folder and print it: what is measured for these styles and photos, by photo's name."""
    networks = [s for s in stylizers if not isinstance(s, Photo | Optimum)]
    pictures = _by_network(results, "picture", stylizers, styles, photos)
    squares = _by_network(results, "square", stylizers, styles, photos)
    sections = [
        _pictures("photos", pictures),
        _pictures("squares of 256 pixels", squares),
        _paintings({s.name: pictures.get(s.name, []) for s in networks}, styles),
        _faces(results, networks, styles),
        _stability(results, networks, styles),
        _times(results, networks),
    ]
    text = "\n\n".join(filter(None, sections))
    (folder / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)


def _by_network(
    results: Results, what: str, stylizers: list[BenchmarkStylizer], styles: list[str], photos: list[str]
) -> dict[str, list[Entry]]:
    """Return the entries of these styles and photos by the name of the network, of those that have any."""
    found = {
        s.name: [
            e for e in results.of(what=what, by=s.digest) if e["key"]["style"] in styles and e["key"]["photo"] in photos
        ]
        for s in stylizers
    }
    return {name: entries for name, entries in found.items() if entries}


def _pictures(title: str, pictures: dict[str, list[Entry]]) -> str:
    """Return a table with a row per network: means of all photos and paintings."""
    rows = [[name, *_means(entries), *_nearest(entries)] for name, entries in pictures.items()]
    return _table([title, *PICTURE_COLUMNS], rows)


def _paintings(pictures: dict[str, list[Entry]], styles: list[str]) -> str:
    """Return a table with a row per painting, and the networks side by side."""
    head = ["painting", *(f"{name}: style at each level; content; nearest" for name in pictures)]
    rows = []
    for style in styles:
        row = [style]
        for entries in pictures.values():
            row.append(_cell([entry for entry in entries if entry["key"]["style"] == style]))
        rows += [row] if any(row[1:]) else []
    return _table(head, rows)


def _cell(entries: list[Entry]) -> str:
    if not entries:
        return ""
    means = _means(entries)
    return "; ".join([", ".join(means[:4]), means[4], *_nearest(entries)])


def _means(entries: list[Entry]) -> Row:
    """Return style at each level, content, tone and palette."""
    levels = zip(*(entry["style"] for entry in entries), strict=True)
    terms = [[entry[term] for entry in entries] for term in ("content", "tone", "palette")]
    return [f"{statistics.fmean(values):.3f}" for values in (*levels, *terms)]


def _nearest(entries: list[Entry]) -> Row:
    own = sum(entry["nearest"] == entry["key"]["style"] for entry in entries)
    return [f"{own} of {len(entries)}"]


def _faces(results: Results, stylizers: list[BenchmarkStylizer], styles: list[str]) -> str:
    """Return a table with a row per network: faces found again, and the median landmark error of those."""
    rows = []
    for stylizer in stylizers:
        entries = [e for e in results.of(what="faces", by=stylizer.digest) if e["key"]["style"] in styles]
        count = sum(entry["faces"] for entry in entries)
        errors = [error for entry in entries for error in entry["errors"]]
        if count:
            median = f"{100 * statistics.median(errors):.1f} %" if errors else ""
            rows.append([stylizer.name, f"{len(errors)} of {count} ({100 * len(errors) / count:.0f} %)", median])
    return _table(["faces", "found again", "landmark error, of the face's size"], rows)


def _stability(results: Results, stylizers: list[BenchmarkStylizer], styles: list[str]) -> str:
    """Return a table with a row per painting: frame differences as multiples of those of the source."""
    videos = sorted({entry["key"]["film"] for entry in results.of(what="warping", by=stylizers[0].digest)})
    head = ["painting", *(f"{video}, {s.name}" for video in videos for s in stylizers)]
    head += [f"camera noise, {s.name}" for s in stylizers]
    rows = []
    for style in styles:
        row = [style]
        for video in videos:
            row += [_ratio(results.of(what="warping", by=s.digest, style=style, film=video)) for s in stylizers]
        row += [_ratio(results.of(what="noise", by=s.digest, style=style)) for s in stylizers]
        if any(row[1:]):
            rows.append(row)
    if rows:
        columns = [[float(row[i]) for row in rows if row[i]] for i in range(1, len(head))]
        rows.append(["all, median", *(f"{statistics.median(column):.2f}" if column else "" for column in columns)])
    return _table(head, rows)


def _ratio(entries: Iterable[Entry]) -> str:
    ratios = [entry["painted"] / entry["source"] for entry in entries]
    return f"{statistics.mean(ratios):.2f}" if ratios else ""


def _times(results: Results, stylizers: list[BenchmarkStylizer]) -> str:
    latest = {s.name: list(results.of(what="time", by=s.digest))[-1:] for s in stylizers}
    rows = [[name, f"{entry['ms']:.1f}"] for name, entries in latest.items() for entry in entries]
    return _table(["640x480", "ms a frame"], rows)


def _table(head: Row, rows: list[Row]) -> str:
    """Return a Markdown table; nothing where there are no rows."""
    lines = [head, ["---"] * len(head), *rows] if rows else []
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
