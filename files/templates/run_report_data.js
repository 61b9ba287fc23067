// The content of the page, and the objects that pass the filters.

const byId = (id) => document.getElementById(id);
const content = (script) => JSON.parse(script.textContent);
const run = content(byId("run"));
const fields = [...document.querySelectorAll("script.field")].map(content);

// Every text is set as text: names of files and classes are untrusted.
function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

function makeSvg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const address = (path) => path.split("/").map(encodeURIComponent).join("/");
const thousands = (number) => number.toLocaleString("en");
const shortName = (name) => name.replace(/\s+Galax(y|ies)\b/i, "");

const objects = [];
fields.forEach((field) => {
  field.found = field.classes.map((kind, row) => {
    const value = (name) => field.columns[name]?.[row] ?? null;
    const box = ["xmin", "ymin", "xmax", "ymax"].map(value);
    const [xmin, ymin, xmax, ymax] = box;
    const object = {
      field, row, kind, value,
      // As displayed: pictures whose first row is the bottom are turned over.
      shown: field.lower ? [xmin, field.height - ymax, xmax, field.height - ymin] : box,
      size: Math.max(xmax - xmin, ymax - ymin),
      share: value(run.classified ? "probability" : "score"),
      flags: value("flags"),
      crop: field.crops[row],
      place: objects.length,
    };
    objects.push(object);
    return object;
  });
});

const swatch = (kind) => {
  const mark = make("span", { className: "swatch" });
  mark.style.background = run.classes[kind].colour;
  return mark;
};
const doubtful = (object) => run.classified > 0 && object.share !== null && object.share < 0.5;
const title = (object) =>
  shortName(run.classes[object.kind].name) + (doubtful(object) ? "?" : "");
const number = (value, digits) => (value === null ? "–" : value.toFixed(digits));
const flagNames = (object) =>
  Object.entries(run.flags).filter(([flag]) => object.flags & flag).map(([, name]) => name);

// The crop of a galaxy, else its place in the picture of the field.
function cutOf(object) {
  const { field } = object;
  if (object.crop) {
    const image = make("img", { className: "cut", loading: "lazy", alt: "", src: address(object.crop) });
    image.addEventListener("error", () => image.replaceWith(make("span", { className: "cut" })));
    return image;
  }
  if (!field.picture) return make("span", { className: "cut" });
  const [xmin, ymin, xmax, ymax] = object.shown;
  const side = 1.4 * object.size;
  const view = [(xmin + xmax - side) / 2, (ymin + ymax - side) / 2, side, side];
  return makeSvg("svg", { class: "cut", viewBox: view.join(" "), "aria-hidden": "true" },
    makeSvg("image", { href: address(field.picture), width: field.width, height: field.height, preserveAspectRatio: "none" }));
}

const filters = byId("filters");
const hiddenClasses = new Set();
let passing = [];

// The form is read once, not for each of many thousand objects.
function makeTest() {
  const given = (name) => (filters[name].value === "" ? null : Number(filters[name].value));
  const within = (value, [low, high]) =>
    (low === null || (value !== null && value >= low)) && (high === null || (value !== null && value <= high));
  const share = [given("shareFrom"), given("shareTo")];
  const size = [given("sizeFrom"), given("sizeTo")];
  const flag = filters.flag.value;
  return (object) =>
    !hiddenClasses.has(object.kind) &&
    within(object.share, share) &&
    within(object.size, size) &&
    (flag === "" || (flag === "none" ? !object.flags : (object.flags & Number(flag)) > 0));
}

const orders = {
  catalogue: (object) => object.place,
  class: (object) => object.kind,
  share: (object) => object.share ?? -1,
  size: (object) => object.size,
  flags: (object) => object.flags,
};

function applyFilters() {
  const key = orders[filters.order.value];
  const sign = filters.direction.value === "up" ? 1 : -1;
  passing = objects.filter(makeTest())
    .sort((one, two) => sign * (key(one) - key(two)) || one.place - two.place);
  filters.querySelector("output").value = `${thousands(passing.length)} of ${thousands(objects.length)}`;
  passing.forEach((object, order) => { object.order = order; });
  showWall();
  showBoxes();
}
