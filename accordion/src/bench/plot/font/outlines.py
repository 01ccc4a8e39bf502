#!/usr/bin/env python3
"""Writes the outlines of a font's letters as the charts take them: `outlines.py FONT.ttf > NAME.outlines`.

The first line is the number of units to an em; each other one is a letter as hexadecimal, its advance, and its outline
in the words of SVG paths (M, L, Q and Z with absolute numbers, y upwards). Needs fonttools. Those kept here are of
fonts-dejavu-core 2.37: DejaVuSans.ttf and DejaVuSans-Bold.ttf.
"""
import sys

from fontTools.pens.svgPathPen import SVGPathPen
from fontTools.ttLib import TTFont

LETTERS = [*range(0x20, 0x7F), *range(0xA0, 0x100), *map(ord, "‐–—‘’“”•…→↑↓−≈≤≥✕Ω")]


class Plain(SVGPathPen):
    """Without the short forms (H, V, implied L), so that what reads it is short."""

    def _moveTo(self, at):
        self._commands.append(f"M{at[0]} {at[1]} ")

    def _lineTo(self, at):
        self._commands.append(f"L{at[0]} {at[1]} ")

    def _qCurveToOne(self, by, to):
        self._commands.append(f"Q{by[0]} {by[1]} {to[0]} {to[1]} ")

    def _closePath(self):
        self._commands.append("Z ")


font = TTFont(sys.argv[1])
glyphs, names = font.getGlyphSet(), font.getBestCmap()
print(font["head"].unitsPerEm)
for letter in LETTERS:
    if letter in names:
        pen = Plain(glyphs)
        glyphs[names[letter]].draw(pen)
        print(f"{letter:x} {glyphs[names[letter]].width} {''.join(pen._commands)}".rstrip())
