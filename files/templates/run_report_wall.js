// The filters, and the wall of galaxies, of which a further row is made when it comes into view.

const STEP = 120;
const wall = document.querySelector(".wall");
let walled = 0;

function showWall() {
  wall.replaceChildren();
  walled = 0;
  extendWall();
  const empty = document.querySelector("#part-galaxies .empty");
  empty.hidden = passing.length > 0;
  empty.textContent = objects.length
    ? "No object passes the filter."
    : run.fields ? "Nothing was found in these fields." : "No field was processed.";
}

function extendWall() {
  const next = passing.slice(walled, walled + STEP);
  walled += next.length;
  wall.append(...next.map(card));
  if (walled < passing.length) more.observe(wall.lastChild);
}

const more = new IntersectionObserver((seen) => {
  const last = seen.find((entry) => entry.isIntersecting);
  if (last && last.target === wall.lastChild) {
    more.unobserve(last.target);
    extendWall();
  }
}, { rootMargin: "800px" });

function card(object) {
  const flags = flagNames(object);
  const facts = make("span", { className: "facts" },
    `${number(object.share, 2)} · ${number(object.size, 0)} px`);
  if (flags.length) facts.append(" ", make("b", { title: flags.join(", ") }, `⚑ ${flags.length}`));
  const button = make("button", { type: "button" }, cutOf(object),
    make("span", { className: "name" }, swatch(object.kind), make("span", {}, title(object))), facts);
  button.addEventListener("click", () => showGalaxy(object));
  return make("li", {}, button);
}

function choice(name, options) {
  const select = make("select", { name });
  select.append(...options.map(([value, text]) => make("option", { value }, text)));
  return select;
}

function bounds(name, text, step) {
  const input = (end, label) =>
    make("input", { type: "number", name: name + end, step, min: 0, ariaLabel: `${text} ${label}` });
  return make("span", {}, text, input("From", "at least"), "to", input("To", "at most"));
}

function makeFilters() {
  const kinds = make("fieldset", {}, make("legend", { className: "unseen" }, "Classes"));
  run.classes.forEach(({ name, count }, kind) => {
    if (!count) return;
    const box = make("input", { type: "checkbox", checked: true });
    box.addEventListener("input", () => {
      if (box.checked) hiddenClasses.delete(kind);
      else hiddenClasses.add(kind);
    });
    kinds.append(make("label", {}, box, swatch(kind), `${shortName(name)} ${thousands(count)}`));
  });
  const share = run.classified ? "Probability" : "Score";
  const flags = Object.entries(run.flags).map(([flag, name]) => [flag, `flag: ${name}`]);
  const orders = [["share", share.toLowerCase()], ["size", "size"], ["class", "class"], ["flags", "flags"], ["catalogue", "catalogue"]];
  filters.append(
    kinds,
    bounds("share", share, 0.01),
    bounds("size", "Size (pixels)", 1),
    make("label", {}, "Flags", choice("flag", [["", "any"], ["none", "none"], ...flags])),
    make("label", {}, "Sort by", choice("order", orders)),
    choice("direction", [["down", "falling"], ["up", "rising"]]),
    make("output"),
  );
  filters.direction.ariaLabel = "Order";
  filters.hidden = false;
  filters.addEventListener("input", applyFilters);
  filters.addEventListener("submit", (event) => event.preventDefault());
}
