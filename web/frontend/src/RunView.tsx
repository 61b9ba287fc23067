/** A field of a run: picture, table and panel, linked; corrections; downloads. */

import { useCallback, useEffect, useMemo, useState } from "react";
import { get, type Box, type FieldDetail, type PictureInfo, type RunDetail, type ServerInfo } from "./api";
import { useCorrections } from "./corrections";
import { GalaxyPanel } from "./GalaxyPanel";
import { ALL, filterItems, GalaxyTable, type Filter } from "./GalaxyTable";
import { NothingFound } from "./NothingFound";
import { SkyView } from "./SkyView";

/** Names of the formats of the catalogue. */
const FORMATS: Record<string, string> = {
  ".ecsv": "Catalogue, ECSV",
  ".csv": "Catalogue, CSV",
  ".fits": "Catalogue, FITS table",
  ".vot": "Catalogue, VOTable",
  ".parquet": "Catalogue, Parquet",
  ".reg": "Boxes of this field, for DS9",
};

interface Props {
  run: string;
  field: number;
  info: ServerInfo;
  setTrail: (trail: string[]) => void;
}

/** Bring the picture into view, which a narrow screen may show without it. */
const showPicture = () => document.querySelector(".sky")?.scrollIntoView({ block: "nearest" });

export function RunView({ run, field: number, info, setTrail }: Props) {
  const [detail, setDetail] = useState<RunDetail | null>(null);
  const [field, setField] = useState<FieldDetail | null>(null);
  const [picture, setPicture] = useState<PictureInfo | null>(null);
  const [pictureProblem, setPictureProblem] = useState("");
  const [error, setError] = useState("");
  const [selected, setSelected] = useState<string | null>(null);
  const [focus, setFocus] = useState({ id: "", count: 0 });
  const [drawing, setDrawing] = useState<"add" | "edit" | null>(null);
  const [filter, setFilter] = useState<Filter>(ALL);

  useEffect(() => {
    get<RunDetail>(`runs/${run}`).then(setDetail, (problem: Error) => setError(problem.message));
  }, [run]);
  useEffect(() => {
    const call = new AbortController();
    const ignore = (then: (text: string) => void) => (problem: Error) => {
      if (problem.name !== "AbortError") then(problem.message);
    };
    setField(null);
    setPicture(null);
    setPictureProblem("");
    setSelected(null);
    setDrawing(null);
    get<FieldDetail>(`runs/${run}/fields/${number}`, call.signal).then(setField, ignore(setError));
    get<PictureInfo>(`runs/${run}/fields/${number}/picture`, call.signal).then(
      setPicture,
      ignore(setPictureProblem),
    );
    return () => call.abort();
  }, [run, number]);
  useEffect(() => {
    if (error) setTrail([]);
    else if (detail) setTrail(field && detail.fields > 1 ? [detail.name, field.name] : [detail.name]);
  }, [detail, field, error, setTrail]);

  const classes = useMemo(() => [...(detail?.classes ?? []), ...(detail?.other_classes ?? [])], [detail]);
  const { items, corrected, change, problem, saving } = useCorrections(run, field, classes);
  const shown = useMemo(() => filterItems(items, filter), [items, filter]);
  const current = items.find((item) => item.id === selected) ?? null;

  const choose = useCallback((id: string | null, move = false) => {
    setSelected(id);
    setDrawing(null);
    if (id && move) setFocus((before) => ({ id, count: before.count + 1 }));
  }, []);
  const goTo = (place: number | null | undefined) => {
    if (place !== null && place !== undefined) location.hash = `#/run/${run}/${place}`;
  };
  const draw = (wanted: "add" | "edit" | null) => {
    setDrawing(wanted);
    if (wanted) showPicture();
  };
  const step = (by: number) => {
    if (!shown.length) return;
    const at = shown.findIndex((item) => item.id === selected);
    choose(shown[(at + by + shown.length + (at < 0 && by < 0 ? 1 : 0)) % shown.length].id, true);
  };
  const remove = async () => {
    if (current && (await change({ kind: "delete", source_id: current.id }))) setSelected(null);
  };
  const drawn = async (box: Box) => {
    const before = new Set(items.map((item) => item.id));
    if (drawing === "edit" && current) await change({ kind: "box", source_id: current.id, box });
    else {
      const found = await change({ kind: "add", box });
      const added = found?.objects.find((item) => item.added && !before.has(item.source_id));
      if (added) setSelected(added.source_id);
    }
    setDrawing(null);
  };

  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, select, textarea")) return;
      const actions: Record<string, () => unknown> = {
        n: () => step(1),
        p: () => step(-1),
        a: () => draw(drawing === "add" ? null : "add"),
        e: () => current && draw(drawing === "edit" ? null : "edit"),
        o: () => current && change({ kind: "odd", source_id: current.id, odd: !current.odd }),
        u: () => corrected?.edits && change("undo"),
        Delete: () => current && remove(),
        Escape: () => (drawing ? setDrawing(null) : choose(null)),
      };
      if (actions[event.key]) {
        event.preventDefault();
        actions[event.key]();
      }
    };
    window.addEventListener("keydown", press);
    return () => window.removeEventListener("keydown", press);
  });

  if (error || !detail || !field) {
    return (
      <main className="empty">
        <h1 className="hidden">Result</h1>
        {error ? (
          <p className="alert" role="alert">
            {error} <a href="#/">Back to all results</a>
          </p>
        ) : (
          <p>Reading …</p>
        )}
      </main>
    );
  }

  const base = `/api/runs/${run}/fields/${number}`;
  const notes = [...new Set([...field.notes, ...(picture?.notes ?? [])])];
  const nothing =
    items.length === 0 &&
    (field.objects === 0 ? (
      <NothingFound run={detail} notes={notes.length} />
    ) : (
      <p>All objects of this field were deleted. Undo takes the last correction back.</p>
    ));
  return (
    <main className="run">
      <div className="subbar">
        <h1 title={field.files.join(", ")}>{field.name}</h1>
        <span className="facts">
          {field.width} × {field.height} px
          {picture?.pixel_scale && ` · ${picture.pixel_scale.toFixed(3)}″/px`} · {items.length}{" "}
          {items.length === 1 ? "object" : "objects"}
        </span>
        {detail.field_list.length > 1 && (
          <span className="fields">
            <button disabled={field.previous === null} onClick={() => goTo(field.previous)} aria-label="Previous field">
              ‹
            </button>
            <select
              aria-label="Field"
              value={number}
              onChange={(event) => goTo(Number(event.target.value))}
            >
              {detail.field_list.map((one) => (
                <option key={one.number} value={one.number}>
                  {one.name} ({one.objects})
                </option>
              ))}
            </select>
            <button disabled={field.next === null} onClick={() => goTo(field.next)} aria-label="Next field">
              ›
            </button>
          </span>
        )}
        <span className="grow" />
        {notes.length + detail.failures.length > 0 && (
          <details className="menu">
            <summary>Notes ({notes.length + detail.failures.length})</summary>
            <ul className="sheet">
              {notes.map((note) => (
                <li key={note}>{note}</li>
              ))}
              {detail.failures.map((failure) => (
                <li key={failure} className="bad">
                  {failure}
                </li>
              ))}
            </ul>
          </details>
        )}
        <details className="menu">
          <summary>Download</summary>
          <ul className="sheet">
            {info.formats.map((suffix) => (
              <li key={suffix}>
                <a href={`${suffix === ".reg" ? base : `/api/runs/${run}`}/catalogue${suffix}`}>
                  {FORMATS[suffix] ?? `Catalogue ${suffix}`}
                </a>
              </li>
            ))}
            {field.overlay && (
              <li>
                <a href={`${base}/overlay.png`} download={`${field.name}.png`}>
                  Picture of this field with boxes
                </a>
              </li>
            )}
            {(corrected?.edits ?? 0) > 0 && (
              <li>
                <a href={`/api/runs/${run}/corrections.zip`}>Corrections, for a training (ZIP)</a>
              </li>
            )}
          </ul>
        </details>
      </div>
      {problem && (
        <p className="alert" role="alert">
          {problem}
        </p>
      )}
      <div className="workbench">
        {picture ? (
          <SkyView
            picture={picture}
            tiles={`${base}/picture_files`}
            objects={shown}
            selected={selected}
            onSelect={choose}
            focus={focus}
            drawing={drawing}
            onBox={drawn}
          />
        ) : (
          <section className="sky">
            {pictureProblem ? (
              <div className="fallback">
                <p className="alert" role="alert">
                  {pictureProblem}
                </p>
                {field.overlay && <img src={`${base}/overlay.png`} alt="The field with its boxes" />}
              </div>
            ) : (
              <p className="empty">Preparing the picture …</p>
            )}
          </section>
        )}
        <GalaxyPanel
          item={current}
          base={base}
          classes={classes}
          classified={detail.classes}
          explained={detail.explained}
          units={field.units}
          corrected={corrected}
          saving={saving}
          drawing={drawing}
          editable={picture !== null}
          setDrawing={draw}
          change={change}
          remove={remove}
          nothing={nothing}
        />
        {!nothing && (
          <GalaxyTable
            items={items}
            shown={shown}
            classes={classes}
            filter={filter}
            setFilter={setFilter}
            selected={selected}
            onSelect={(id) => {
              choose(id, true);
              showPicture();
            }}
          />
        )}
      </div>
    </main>
  );
}
