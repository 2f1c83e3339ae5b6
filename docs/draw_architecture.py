"""Draws docs/architecture.svg from the imports: python docs/draw_architecture.py.

A box is a folder with its number of files, or a file that lies in none; it stands above all that it imports. What only
a function imports, when it is called, counts as well. An arrow that follows from others is left out.
"""

import ast
import functools
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "tf_tricks"
PICTURE = ROOT / "docs" / "architecture.svg"
LEFT_OUT = ("__init__", "configs")
WIDTH, HEIGHT, GAP, STEP = 136, 34, 12, 84  # of a box, between boxes, from floor to floor; pixels
COLORS = ("#e8f1fa", "#e9f5e9", "#fdf3e1", "#f7e9f3")


def boxes():
    """Returns a dict of box to its files."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        box = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if box not in LEFT_OUT:
            found.setdefault(box, []).append(path)
    return found


def imports(path):
    """Yields the boxes that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "tf_tricks" and len(parts) > 1:
                yield parts[1]


def arrows():
    """Returns a dict of box to the boxes that it imports, sorted."""
    files = boxes()
    return {
        box: sorted({other for path in paths for other in imports(path) if other in files} - {box})
        for box, paths in files.items()
    }


def floors(below):
    """Returns the floors from the lowest up, each a list of boxes.

    Args:
        below: dict of box to the boxes that it imports.

    Raises:
        RecursionError: boxes import each other in a circle.
    """

    @functools.cache
    def floor(box):
        return 1 + max((floor(other) for other in below[box]), default=-1)

    found = [[] for _ in range(1 + max(map(floor, below)))]
    for box in below:
        found[floor(box)].append(box)
    return found


def needed(below):
    """Returns `below` without what other boxes of it import already."""

    @functools.cache
    def reached(box):
        return set(below[box]).union(*(reached(other) for other in below[box]))

    return {
        box: [other for other in others if not any(other in reached(third) for third in others)]
        for box, others in below.items()
    }


def drawing():
    """Returns the picture, as the text of an SVG file."""
    below, files = arrows(), boxes()
    rows = floors(below)[::-1]
    width = max(len(row) for row in rows) * (WIDTH + GAP) + GAP
    place = {}
    for y, row in enumerate(rows):
        left = (width - len(row) * (WIDTH + GAP) + GAP) / 2
        for x, box in enumerate(row):
            place[box] = left + x * (WIDTH + GAP), GAP + y * STEP
    height = (len(rows) - 1) * STEP + HEIGHT + 2 * GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for box, others in needed(below).items():
        for other in others:
            (x0, y0), (x1, y1) = place[box], place[other]
            lines.append(
                f'<line x1="{x0 + WIDTH / 2:.0f}" y1="{y0 + HEIGHT}" x2="{x1 + WIDTH / 2:.0f}" y2="{y1}" '
                'stroke="#888" stroke-width="0.7" opacity="0.55"/>'
            )
    for box, (x, y) in place.items():
        folder = (PACKAGE / box).is_dir()
        color = COLORS[0] if folder else COLORS[2]
        label = f"{box}/ ({len(files[box])})" if folder else f"{box}.py"
        lines += [
            f'<rect x="{x:.0f}" y="{y}" width="{WIDTH}" height="{HEIGHT}" rx="5" fill="{color}" stroke="#555"/>',
            f'<text x="{x + WIDTH / 2:.0f}" y="{y + 21}" text-anchor="middle">{label}</text>',
        ]
    return "\n".join([*lines, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(drawing(), encoding="utf-8")
