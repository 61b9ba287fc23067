// Histograms of the whole run, and the notes of its fields.

function bar(kind, name, share, text) {
  const fill = make("i");
  fill.style.width = `${100 * share}%`;
  fill.hidden = share === 0;
  fill.style.background = run.classes[kind].colour;
  return make("div", { className: "bar" }, make("span", {}, name), make("span", {}, fill), make("b", {}, text));
}

function makeHistograms() {
  const section = byId("part-histograms");
  const counts = run.classes.map((item) => item.count);
  const most = Math.max(1, ...counts);
  const bars = make("div", { className: "bars" });
  run.classes.forEach(({ name, count }, kind) => {
    // Classes of the detector are listed only where it found such objects.
    if (count || kind < run.classified) bars.append(bar(kind, shortName(name), count / most, thousands(count)));
  });
  section.append(make("h3", {}, "Classes"), bars, ...run.histograms.map(makeHistogram));
}

function makeHistogram({ name, quantity, edges, counts }) {
  const [width, height, bottom] = [720, 220, 40];
  const bins = edges.length - 1;
  const wide = width / bins;
  const kinds = Object.keys(counts).map(Number);
  const totals = Array.from({ length: bins }, (_, bin) => kinds.reduce((sum, kind) => sum + counts[kind][bin], 0));
  const most = Math.max(1, ...totals);
  const svg = makeSvg("svg", { viewBox: `0 -14 ${width} ${height + bottom + 14}`, role: "img", "aria-label": `Histogram of the ${quantity}` });
  for (let bin = 0; bin < bins; bin += 1) {
    let top = height;
    for (const kind of kinds) {
      const count = counts[kind][bin];
      if (!count) continue;
      const high = (count / most) * height;
      top -= high;
      const last = name === "Size" && bin === bins - 1;
      const range = last ? `${edges[bin]} and more` : `${edges[bin]} to ${edges[bin + 1]}`;
      svg.append(makeSvg("rect", { x: bin * wide + 1, y: top, width: wide - 2, height: high, fill: run.classes[kind].colour },
        makeSvg("title", {}, `${shortName(run.classes[kind].name)}, ${range}: ${thousands(count)}`)));
    }
    if (totals[bin]) {
      svg.append(makeSvg("text", { x: (bin + 0.5) * wide, y: top - 3, "text-anchor": "middle" }, thousands(totals[bin])));
    }
  }
  svg.append(makeSvg("line", { x1: 0, x2: width, y1: height, y2: height }));
  edges.forEach((edge, place) => {
    if (place % 2 === 0) {
      const anchor = place === 0 ? "start" : place === bins ? "end" : "middle";
      svg.append(makeSvg("text", { x: place * wide, y: height + 15, "text-anchor": anchor }, String(edge)));
    }
  });
  svg.append(makeSvg("text", { x: width / 2, y: height + 33, "text-anchor": "middle" }, quantity));
  return make("figure", { className: "histogram" }, make("h3", {}, name), svg);
}

function makeNotes() {
  const fieldsOf = new Map();
  for (const field of fields) {
    for (const note of field.notes) {
      if (!fieldsOf.has(note)) fieldsOf.set(note, []);
      fieldsOf.get(note).push(field.name);
    }
  }
  byId("note-count").textContent = thousands(fieldsOf.size);
  const list = make("ul");
  for (const [note, names] of fieldsOf) {
    const others = names.length > 12 ? ` and ${thousands(names.length - 12)} more` : "";
    list.append(make("li", {}, note, make("small", {}, names.slice(0, 12).join(", ") + others)));
  }
  byId("part-notes").append(fieldsOf.size ? list : make("p", { className: "empty" }, "There is no note on a field."));
}
