// The window of one galaxy: its crop, probabilities and row of the catalogue.

const galaxy = byId("galaxy");
let current = null;

function showGalaxy(object) {
  current = object;
  const { field } = object;
  const button = (text, act, disabled = false) => {
    const made = make("button", { type: "button", disabled }, text);
    made.addEventListener("click", act);
    return made;
  };
  const place = passing.indexOf(object);
  const tools = make("div", { className: "tools" },
    button("Previous", () => showGalaxy(passing[place - 1]), place <= 0),
    button("Next", () => showGalaxy(passing[place + 1]), place < 0 || place >= passing.length - 1),
    button("Show in its field", () => showInField(object)),
    button("Close", () => galaxy.close()));
  const left = make("div", {}, cutOf(object), make("p", { className: "soft" }, object.value("source_id")),
    make("p", {}, field.name));
  const flags = flagNames(object);
  if (flags.length) left.append(make("p", {}, `Flags: ${flags.join(", ")}`));
  const right = make("div");
  if (object.kind < run.classified) right.append(probabilities(object));
  right.append(row(object));
  const heading = make("h2", { id: "galaxy-name" }, swatch(object.kind),
    make("span", {}, `${run.classes[object.kind].name}${doubtful(object) ? "?" : ""} ${number(object.share, 2)}`));
  const focused = document.activeElement?.textContent;
  galaxy.replaceChildren(tools, heading, make("div", { className: "two" }, left, right));
  if (!galaxy.open) galaxy.showModal();
  // The button that was pressed was replaced by one of the same name.
  [...tools.children].find((item) => item.textContent === focused && !item.disabled)?.focus();
}

function probabilities(object) {
  const bars = make("div", { className: "bars" });
  const names = run.columns.map((column) => column.name).filter((name) => name.startsWith("prob_"));
  names.forEach((name, kind) => {
    const value = object.value(name);
    bars.append(bar(kind, shortName(run.classes[kind].name), value ?? 0, number(value, 3)));
  });
  return bars;
}

function row(object) {
  const table = make("table");
  for (const { name, unit, description } of run.columns) {
    const value = object.value(name);
    if (value === null || name.startsWith("prob_")) continue;
    table.append(make("tr", {}, make("th", { scope: "row", title: description }, name),
      make("td", {}, unit ? `${value} ${unit}` : String(value))));
  }
  return table;
}

function showInField(object) {
  galaxy.close();
  location.hash = "fields";
  showSection();
  markBox(object).scrollIntoView({ block: "center" });
}

galaxy.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const next = step && passing[passing.indexOf(current) + step];
  if (next) showGalaxy(next);
});
// A click beside the window is one on the window itself, as its content covers it.
galaxy.addEventListener("click", (event) => {
  if (event.target === galaxy && event.detail > 0) {
    const { left, right, top, bottom } = galaxy.getBoundingClientRect();
    const inside = event.clientX >= left && event.clientX <= right && event.clientY >= top && event.clientY <= bottom;
    if (!inside) galaxy.close();
  }
});
