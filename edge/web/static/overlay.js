// Draws on a picture what was recognised in it, and its zones, lines and masks. Places come in 0..1.
const SVG = "http://www.w3.org/2000/svg";
const TEXT_PX = 13;

export function make(name, attributes = {}, text = "") {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text) element.textContent = text;
  return element;
}

// Units of the drawing in one pixel of the screen.
export function fit(svg, image) {
  const width = image.naturalWidth || 16, height = image.naturalHeight || 9;
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const box = svg.getBoundingClientRect();
  const unit = Math.max(width / (box.width || width), height / (box.height || height));
  return { width, height, unit };
}

const corners = (points, size) => points.map(([x, y]) => `${x * size.width},${y * size.height}`).join(" ");

export function drawPlaces(group, places, size) {
  const shapes = [];
  const named = (text, [x, y]) => shapes.push(make("text", { class: "place-name", x: x * size.width + 6 * size.unit, y: y * size.height + 17 * size.unit, "font-size": TEXT_PX * size.unit }, text));
  for (const area of places.motion_masks ?? []) shapes.push(make("polygon", { class: "mask", points: corners(area, size) }));
  for (const area of places.privacy ?? []) shapes.push(make("polygon", { class: "privacy", points: corners(area, size) }));
  for (const zone of places.zone ?? []) {
    shapes.push(make("polygon", { class: "zone", points: corners(zone.area, size) }));
    named(zone.name, zone.area.reduce((top, point) => (point[0] + point[1] < top[0] + top[1] ? point : top)));
  }
  for (const line of places.line ?? []) {
    shapes.push(make("polyline", { class: "line", points: corners([line.start, line.end], size) }));
    named(line.name, line.start);
  }
  group.replaceChildren(...shapes);
}

// things: [[label, score, [left, top, right, bottom], colour, counts], …]
export function drawThings(group, things, size) {
  group.replaceChildren();
  for (const [label, score, [left, top, right, bottom], colour, counts] of things) {
    const x = left * size.width, y = top * size.height;
    const thing = make("g", { class: counts ? "thing" : "thing unsure" });
    thing.append(make("rect", { class: "box", x, y, width: (right - left) * size.width, height: (bottom - top) * size.height, rx: 4 * size.unit, stroke: colour }));
    group.append(thing);
    if (!counts) continue;
    const text = make("text", { "font-size": TEXT_PX * size.unit }, `${label} ${Math.round(score * 100)} %`);
    thing.append(text);
    const wide = text.getComputedTextLength() + 12 * size.unit, high = 21 * size.unit;
    const tagX = Math.max(0, Math.min(x, size.width - wide)), tagY = y >= high ? y - high : y;
    thing.insertBefore(make("rect", { x: tagX, y: tagY, width: wide, height: high, rx: 4 * size.unit, fill: colour }), text);
    text.setAttribute("x", tagX + 6 * size.unit);
    text.setAttribute("y", tagY + 15 * size.unit);
  }
}
