// The parts of the report, one at a time.

const sections = [...document.querySelectorAll("main > section")];

function showSection() {
  const wanted = sections.find((section) => `#${section.id}` === location.hash.replace("#", "#part-")) ?? sections[0];
  for (const section of sections) section.hidden = section !== wanted;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === wanted.id.replace("part-", "#")) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  filters.hidden = !objects.length || !["part-galaxies", "part-fields"].includes(wanted.id);
}

if (fields.length < run.fields || objects.length < run.objects) {
  const bounded = byId("bounded");
  bounded.textContent =
    `This page shows ${thousands(objects.length)} of ${thousands(run.objects)} objects, those of the first ` +
    `${thousands(fields.length)} of ${thousands(run.fields)} fields, since a page with all is too large for a browser. ` +
    "Histograms count all, and the catalogue has all.";
  bounded.hidden = false;
}
makeFilters();
makeFields();
makeHistograms();
makeNotes();
applyFilters();
showSection();
addEventListener("hashchange", showSection);
