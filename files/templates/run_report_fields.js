// The fields: pictures and boxes are made when they come into view.

const label = byId("label");

const seenFields = new IntersectionObserver((seen) => {
  for (const entry of seen) {
    if (!entry.isIntersecting) continue;
    seenFields.unobserve(entry.target);
    fillPicture(entry.target.field);
  }
}, { rootMargin: "600px" });

function makeFields() {
  const list = document.querySelector(".fields");
  for (const field of fields) {
    const facts = [`${thousands(field.objects)} found`, `${field.width} × ${field.height} pixels`];
    if (field.scale) facts.push(`${field.scale.toPrecision(3)}″ a pixel`);
    const picture = make("div", { className: "picture", field });
    picture.style.aspectRatio = `${field.width} / ${field.height}`;
    const tools = make("div", { className: "tools" });
    const article = make("article", { className: fields.length === 1 ? "wide" : "" },
      make("h3", {}, field.name), make("p", {}, facts.join(" · ")), picture, tools);
    if (fields.length > 1) {
      const widen = make("button", { type: "button", ariaPressed: "false" }, "Enlarge");
      widen.addEventListener("click", () => {
        widen.ariaPressed = String(article.classList.toggle("wide"));
        article.scrollIntoView({ block: "nearest" });
      });
      tools.append(widen);
    }
    if (field.overlay) {
      tools.append(make("a", { href: address(field.overlay) }, "Picture with boxes and names"));
    }
    article.append(...field.notes.map((note) => make("p", {}, `Note: ${note}`)));
    field.view = picture;
    list.append(article);
    seenFields.observe(picture);
  }
  if (!fields.length) list.append(make("p", { className: "empty" }, "No field was processed."));
}

function fillPicture(field) {
  const { view } = field;
  if (field.boxes) return;
  if (field.picture) {
    const image = make("img", { alt: `The field ${field.name}`, src: address(field.picture) });
    if (field.width < 400) image.className = "small";
    image.addEventListener("error", () => image.remove());
    view.append(image);
  }
  field.boxes = makeSvg("svg", { viewBox: `0 0 ${field.width} ${field.height}`, role: "img" });
  view.append(field.boxes);
  drawBoxes(field);
}

function drawBoxes(field) {
  if (!field.boxes) return;
  const shown = field.found.filter((object) => object.order !== undefined && passing[object.order] === object);
  field.boxes.setAttribute("aria-label", `${shown.length} boxes in ${field.name}`);
  // Smaller boxes come last, on top.
  shown.sort((one, two) => two.size - one.size);
  field.boxes.replaceChildren(...shown.map((object) => {
    const [xmin, ymin, xmax, ymax] = object.shown;
    const box = makeSvg("rect", {
      x: xmin, y: ymin, width: xmax - xmin, height: ymax - ymin,
      stroke: run.classes[object.kind].colour, class: doubtful(object) ? "doubtful" : "",
    });
    box.object = object;
    return box;
  }));
}

function showBoxes() {
  fields.forEach(drawBoxes);
}

function markBox(object) {
  document.querySelector("rect.chosen")?.classList.remove("chosen");
  fillPicture(object.field);
  for (const box of object.field.boxes.children) {
    if (box.object !== object) continue;
    box.classList.add("chosen");
    object.field.boxes.append(box);
    return box;
  }
  return object.field.view;
}

document.querySelector(".fields").addEventListener("click", (event) => {
  if (event.target.object) showGalaxy(event.target.object);
});

document.addEventListener("pointermove", (event) => {
  const { object } = event.target;
  label.hidden = !object;
  if (!object) return;
  label.textContent = `${title(object)} ${number(object.share, 2)}, ${number(object.size, 0)} px`;
  label.style.left = `${Math.min(event.clientX + 14, innerWidth - label.offsetWidth - 6)}px`;
  label.style.top = `${Math.min(event.clientY + 14, innerHeight - label.offsetHeight - 6)}px`;
});
