"""The wiring diagram: the 40-pin header in the middle, what is wired to it on both sides."""

import re

import drawsvg as draw

from hardware.pinout import GPIOS, GROUNDS, SUPPLIES, Function

MIDDLE = 0
"""Of the header; the picture is as wide as its cards need to both sides."""
MARGIN, TEXT_WIDTH = 40, 1200
TOP, PITCH = 136, 36
CARD_WIDTH, CARD_HEIGHT, GAP = 372, 92, 12
LANE, FIRST_LANE = 14, 22
SHIFTS = range(-8, 30, 2)
"""By how much all cards of a side may stand lower."""
PIN_X, LABEL = 20, 78
"""Of the header: half the distance of its two columns, and the width of the names beside them."""
COLOURS = {
    "white": "#ffffff", "grey": "#80868b", "green": "#188038", "yellow": "#c99700", "blue": "#1a73e8",
    "violet": "#8430ce", "brown": "#795548", "black": "#202124",
}  # fmt: skip
SUPPLY_COLOURS = {"5 V": "#d93025", "3.3 V": "#e8710a"}
INK, SOFT, PAPER = "#202124", "#5f6368", "#ffffff"
ORIENTATION = (
    "The board from above, its memory card at the top, the header at the right: pin 1 is inside, pin 2 outside."
)
KEY = "Black wires are ground, red ones 5 V, orange ones 3.3 V. Dots join wires; without a dot they only cross."
TITLES = {"wildlife": "wildlife camera", "house": "house camera", "shop": "shop counter"}
FONT = "DejaVu Sans, Verdana, sans-serif"


def diagram(functions: list[Function], build: str) -> str:
    """SVG."""
    left = _ordered(functions, odd=True)
    right = _ordered(functions, odd=False)
    height = max(TOP + 20 * PITCH, TOP + max(len(left), len(right)) * (CARD_HEIGHT + GAP)) + MARGIN
    sides = [_Side(-1, left), _Side(1, right)]
    from_x = min(-TEXT_WIDTH / 2, sides[0].outer_x) - MARGIN
    width = max(TEXT_WIDTH / 2, sides[1].outer_x) + MARGIN - from_x
    picture = draw.Drawing(width, height, origin=(from_x, 0), font_family=FONT)
    picture.append(draw.Rectangle(from_x, 0, width, height, fill=PAPER))
    text_x = from_x + MARGIN
    _text(picture, f"Wiring of the 40-pin header: {TITLES[build]}", text_x, 48, 24, INK, weight="bold")
    taken = " Pins 3 and 5 belong to the gauge of a UPS HAT." if any(each.kind == "bus" for each in functions) else ""
    for line, words in enumerate((f"{ORIENTATION}{taken}", KEY)):
        _text(picture, words, text_x, 78 + line * 24, 15, SOFT)
    for side in sides:
        side.draw(picture)
    _header(picture, {each.position: each for each in functions})
    return str(picture.as_svg())


def _ordered(functions: list[Function], *, odd: bool) -> list[Function]:
    """Those of one column of the header that are wired by hand."""
    mine = [each for each in functions if each.position % 2 == odd and each.kind != "bus"]
    return sorted(mine, key=lambda each: each.position)


def _pin_y(position: int) -> float:
    return TOP + (position - 1) // 2 * PITCH + PITCH / 2


class _Side:
    """The cards of one side and their wires. Each wire leaves its card, goes up or down in a lane of its own, and then to its pin; all
    grounds (or supplies) of one pin share a lane, and dots show where they meet."""

    def __init__(self, side: int, cards: list[Function]) -> None:
        self._side = side
        self._cards = cards
        self._edge = MIDDLE + side * (PIN_X + LABEL + 8)
        shared = {each.ground for each in cards} | {each.supply for each in cards}
        positions = {each.position for each in cards} | {each for each in shared if each}
        self._shift = 0
        self._shift = max(SHIFTS, key=lambda shift: (self._clearance(positions, shift), -abs(shift)))
        self._lanes = {position: lane for lane, position in enumerate(self._lane_order(positions))}
        self._card_x = self._edge + side * (FIRST_LANE + len(self._lanes) * LANE + 10)
        self.outer_x = self._card_x + side * CARD_WIDTH

    def _lane_order(self, positions: set[int]) -> list[int]:
        """A wire that goes down to its card must turn before those above it: the lowest pin gets the lane nearest the header."""
        down = [position for position in sorted(positions) if self._mean_y(position) >= _pin_y(position)]
        up = [position for position in sorted(positions) if position not in down]
        return up + down[::-1]

    def _clearance(self, positions: set[int], shift: int) -> float:
        """The least distance of a terminal's height from that of a pin which it does not belong to: close lines are hard to tell apart."""
        ends = [(position, end_y + shift) for position in positions for end_y in self._ends(position)]
        return min(
            (abs(_pin_y(pin) - end_y) for position, end_y in ends for pin in positions - {position}), default=0.0
        )

    def _mean_y(self, position: int) -> float:
        ends = self._ends(position)
        return sum(ends) / len(ends)

    def _ends(self, position: int) -> list[float]:
        """Where the cards have the terminals of this pin."""
        return [
            self._card_y(index) + offset
            for index, card in enumerate(self._cards)
            for offset, pin in self._terminals(card)
            if pin == position
        ]

    @staticmethod
    def _terminals(card: Function) -> list[tuple[float, int]]:
        pins = sorted(pin for pin in (card.position, card.ground, card.supply) if pin)
        spacing = CARD_HEIGHT / (len(pins) + 1)
        return [(spacing * (index + 1), pin) for index, pin in enumerate(pins)]

    def _card_y(self, index: int) -> float:
        free = 20 * PITCH - len(self._cards) * (CARD_HEIGHT + GAP)
        return TOP + max(0, free) / 2 + self._shift + index * (CARD_HEIGHT + GAP)

    def draw(self, picture: draw.Drawing) -> None:
        self._picture = picture
        for position in self._lanes:
            self._wire(position)
        for index, card in enumerate(self._cards):
            self._card(card, self._card_y(index))

    def _wire(self, position: int) -> None:
        colour = self._colour(position)
        lane_x = self._edge + self._side * (FIRST_LANE + self._lanes[position] * LANE)
        pin_y, ends = _pin_y(position), self._ends(position)
        style = {"stroke": colour, "stroke_width": 2.5, "fill": "none", "stroke_linejoin": "round"}
        from_x = MIDDLE + self._side * (PIN_X + LABEL) if self._own(position) else MIDDLE - self._side * PIN_X
        first, *others = sorted(ends, key=lambda end_y: -abs(end_y - pin_y))
        paths: list[tuple[float, ...]] = [(from_x, pin_y, lane_x, pin_y, lane_x, first, self._card_x, first)]
        paths += [
            (lane_x, end_y if _lies_between(end_y, pin_y, first) else pin_y, lane_x, end_y, self._card_x, end_y)
            for end_y in others
        ]
        for points in paths:
            self._picture.append(draw.Lines(*points, **{**style, "stroke": PAPER, "stroke_width": 7}))
            if colour == COLOURS["white"]:  # on white paper
                self._picture.append(draw.Lines(*points, **{**style, "stroke": SOFT, "stroke_width": 4.5}))
            self._picture.append(draw.Lines(*points, **style))
        if len(ends) > 1:
            inner = [end_y for end_y in ends if min(*ends, pin_y) < end_y < max(*ends, pin_y)]
            for end_y in (*inner, *([pin_y] if min(ends) < pin_y < max(ends) else [])):
                self._picture.append(draw.Circle(lane_x, end_y, 4, fill=colour))

    def _own(self, position: int) -> bool:
        return (position % 2 == 0) == (self._side > 0)

    def _colour(self, position: int) -> str:
        if position in GROUNDS:
            return COLOURS["black"]
        if position in SUPPLIES:
            return SUPPLY_COLOURS[SUPPLIES[position]]
        return COLOURS[next(card.wire for card in self._cards if card.position == position)]

    def _outline(self, position: int) -> str:
        colour = self._colour(position)
        return SOFT if colour == COLOURS["white"] else colour

    def _card(self, card: Function, y: float) -> None:
        x = self._card_x if self._side > 0 else self._card_x - CARD_WIDTH
        self._picture.append(
            draw.Rectangle(x, y, CARD_WIDTH, CARD_HEIGHT, rx=8, fill="#f8f9fa", stroke="#dadce0", stroke_width=1.5)
        )
        text_x = x + 80 if self._side > 0 else x + 16
        _text(self._picture, card.title, text_x, y + 28, 17, INK, weight="bold")
        words = [card.part, f"through {card.between}"] if card.between else _halves(card.part)
        for line, part in enumerate(words):
            _text(self._picture, part, text_x, y + 52 + line * 20, 14, SOFT)
        for offset, pin in self._terminals(card):
            self._picture.append(
                draw.Circle(self._card_x, y + offset, 5.5, fill=PAPER, stroke=self._outline(pin), stroke_width=2.5)
            )
            name = card.wire if pin == card.position else "ground" if pin in GROUNDS else SUPPLIES[pin]
            anchor = "start" if self._side > 0 else "end"
            _text(self._picture, name, self._card_x + self._side * 11, y + offset + 5, 13, INK, anchor=anchor)


def _lies_between(value: float, one: float, other: float) -> bool:
    return min(one, other) <= value <= max(one, other)


def _halves(text: str, most: int = 34) -> list[str]:
    """A text in lines that fit the card; a number stays with its unit."""
    lines = [""]
    for word in re.sub(r"(?<=\d) (?=[a-zA-ZΩ]{1,2}\b)", "\N{NO-BREAK SPACE}", text).split(" "):
        if len(lines[-1]) + len(word) >= most:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def _header(picture: draw.Drawing, used: dict[int, Function]) -> None:
    half = PIN_X + LABEL
    picture.append(
        draw.Rectangle(
            MIDDLE - half, TOP - 6, 2 * half, 20 * PITCH + 12, rx=8, fill="#e6f4ea", stroke="#188038", stroke_width=2
        )
    )
    for position in range(1, 41):
        side = -1 if position % 2 else 1
        x, y = MIDDLE + side * PIN_X, _pin_y(position)
        is_free = position not in used and position not in GROUNDS and position not in SUPPLIES
        shape = {"fill": _fill(position, used), "stroke": "#bdc1c6" if is_free else INK, "stroke_width": 1.5}
        if position == 1:
            picture.append(draw.Rectangle(x - 13, y - 13, 26, 26, **shape))
        else:
            picture.append(draw.Circle(x, y, 13, **shape))
        dark = position in GROUNDS or (position in used and used[position].wire != "white")
        _text(
            picture,
            str(position),
            x,
            y + 4.5,
            12,
            PAPER if dark else SOFT if is_free else INK,
            anchor="middle",
            weight="bold",
        )
        _text(
            picture,
            _pin_name(position),
            x + side * 18,
            y + 5,
            13,
            SOFT if is_free else INK,
            anchor="end" if side < 0 else "start",
        )


def _fill(position: int, used: dict[int, Function]) -> str:
    if position in GROUNDS:
        return COLOURS["black"]
    if position in SUPPLIES:
        return "#fad2cf" if SUPPLIES[position] == "5 V" else "#fee0c2"
    return COLOURS[used[position].wire] if position in used else PAPER


def _pin_name(position: int) -> str:
    if position in GROUNDS:
        return "GND"
    return SUPPLIES.get(position) or f"GPIO{GPIOS[position]}"


def _text(
    picture: draw.Drawing,
    text: str,
    x: float,
    y: float,
    size: int,
    colour: str,
    *,
    anchor: str = "start",
    weight: str = "normal",
) -> None:
    picture.append(draw.Text(text, size, x, y, fill=colour, text_anchor=anchor, font_weight=weight))
