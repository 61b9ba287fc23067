/** Everything about one galaxy: crop, probabilities, votes, measurements, links, corrections. */

import { useEffect, useState, type ReactNode } from "react";
import { get, type Box, type ClassInfo, type CorrectedField, type Edit, type Votes } from "./api";
import type { Item } from "./corrections";
import { Probabilities, short } from "./Probabilities";
import { degrees, hours, surveys } from "./sky";

interface Props {
  item: Item | null;
  base: string;
  classes: ClassInfo[];
  classified: ClassInfo[];
  explained: boolean;
  units: Record<string, string>;
  corrected: CorrectedField | null;
  saving: boolean;
  drawing: "add" | "edit" | null;
  editable: boolean;
  setDrawing: (drawing: "add" | "edit" | null) => void;
  change: (edit: Edit | "undo") => Promise<unknown>;
  remove: () => void;
  /** Shown of a field without objects. */
  nothing: ReactNode;
}

const EDGES = ["xmin", "ymin", "xmax", "ymax"];

export function GalaxyPanel(props: Props) {
  const { item, corrected, saving, drawing, editable, setDrawing, change, nothing } = props;
  return (
    <aside className="panel" aria-label="Galaxy">
      <div className="actions">
        <button aria-pressed={drawing === "add"} disabled={!editable} onClick={() => setDrawing(drawing === "add" ? null : "add")} title="Draw a box around a galaxy (a)">
          Add a box
        </button>
        <button disabled={saving || !corrected?.edits} onClick={() => change("undo")} title="Take back the last correction (u)">
          Undo{corrected?.edits ? ` (${corrected.edits})` : ""}
        </button>
        <span className="saved" aria-live="polite">
          {saving ? "saving …" : corrected?.edits ? "saved" : ""}
        </span>
      </div>
      {drawing && (
        <p className="hint">
          {drawing === "add"
            ? "Draw a box over the picture. Escape ends it."
            : "Drag the edges of the box, or the whole box. Escape ends it."}
        </p>
      )}
      {item ? <Galaxy key={item.id} {...props} item={item} /> : nothing || <Help corrected={corrected} />}
    </aside>
  );
}

function Galaxy({ item, base, classes, classified, explained, units, saving, drawing, editable, setDrawing, change, remove }: Props & { item: Item }) {
  const [votes, setVotes] = useState<Votes | null>(null);
  const [problem, setProblem] = useState("");
  const row = item.row;
  const name = encodeURIComponent(item.id);

  useEffect(() => {
    if (!row?.probabilities || !row.crop) return;
    const call = new AbortController();
    get<Votes>(`${base.replace("/api/", "")}/votes/${name}`, call.signal).then(setVotes, (error: Error) => {
      if (error.name !== "AbortError") setProblem(error.message);
    });
    return () => call.abort();
  }, [base, name, row?.crop, row?.probabilities]);

  return (
    <>
      <div className="title">
        {row?.crop && <img src={`${base}/crops/${name}.png`} alt={`Crop of ${item.id}`} />}
        <div>
          <h2>
            <i className="swatch" style={{ background: item.colour }} /> {short(item.label)}
            {item.doubtful && " ?"}
          </h2>
          <p className="identifier">{item.id}</p>
          {row?.ra != null && row.dec != null && (
            <p className="place">
              {hours(row.ra)} {degrees(row.dec)}
              <br />
              <small>
                {row.ra.toFixed(6)}° {row.dec.toFixed(6)}°
              </small>
            </p>
          )}
        </div>
      </div>
      {row?.probabilities && (
        <Probabilities classes={classified} probabilities={row.probabilities} members={votes?.members} />
      )}
      {problem && <p className="hint">No votes: {problem}</p>}
      {explained && row?.probabilities && row.crop && (
        <Evidence address={`${base}/evidence/${name}.png`} classes={classified} first={row.label} />
      )}
      <fieldset disabled={saving || !editable}>
        <legend>Correct</legend>
        <label className="wide">
          Class{" "}
          <select value={item.chosen} onChange={(event) => change({ kind: "class", source_id: item.id, label: event.target.value })}>
            <option value="">{row ? `found: ${short(row.label)}` : "not chosen"}</option>
            {classes.map((one) => (
              <option key={one.name} value={one.name}>
                {short(one.name)}
              </option>
            ))}
          </select>
        </label>
        <div className="buttons">
          <button aria-pressed={item.odd} onClick={() => change({ kind: "odd", source_id: item.id, odd: !item.odd })} title="Mark as odd (o)">
            Odd
          </button>
          <button aria-pressed={drawing === "edit"} onClick={() => setDrawing(drawing === "edit" ? null : "edit")} title="Change the box (e)">
            Change the box
          </button>
          <button onClick={remove} title="Delete (Del)">
            Delete
          </button>
        </div>
        {drawing === "edit" && <EdgeFields box={item.box} onBox={(box) => change({ kind: "box", source_id: item.id, box })} />}
      </fieldset>
      {row && row.flags.length > 0 && <p className="flags">Flags: {row.flags.join(", ").replaceAll("_", " ")}</p>}
      {row && <Measured measured={row.measured} units={units} score={row.score} box={item.box} />}
      {row?.ra != null && row.dec != null && (
        <p className="links">
          On the sky, in other web pages, which then receive this position:{" "}
          {surveys({ ra: row.ra, dec: row.dec }).map(([title, link]) => (
            <a key={title} href={link} target="_blank" rel="noreferrer noopener">
              {title}
            </a>
          ))}
        </p>
      )}
    </>
  );
}

/** The crop with the evidence for a class over it, which takes some seconds: on demand. */
function Evidence({ address, classes, first }: { address: string; classes: ClassInfo[]; first: string }) {
  const [open, setOpen] = useState(false);
  const [label, setLabel] = useState(first);
  const [state, setState] = useState<"waiting" | "there" | "failed">("waiting");
  const choose = (name: string) => {
    setState("waiting");
    setLabel(name);
  };
  return (
    <details className="evidence" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Evidence (Grad-CAM)</summary>
      {open && (
        <>
          <label className="wide">
            For{" "}
            <select value={label} onChange={(event) => choose(event.target.value)}>
              {classes.map((one) => (
                <option key={one.name} value={one.name}>
                  {short(one.name)}
                </option>
              ))}
            </select>
          </label>
          <img
            key={label}
            src={`${address}?label=${encodeURIComponent(label)}`}
            alt={`Where the networks see evidence for ${label}`}
            hidden={state !== "there"}
            onLoad={() => setState("there")}
            onError={() => setState("failed")}
          />
          <p className="hint" aria-live="polite">
            {state === "waiting" && "Computing …"}
            {state === "there" && "Violet: no evidence for the class; yellow: most. The mean over the networks."}
            {state === "failed" && "The evidence cannot be computed here."}
          </p>
        </>
      )}
    </details>
  );
}

function EdgeFields({ box, onBox }: { box: Box; onBox: (box: Box) => void }) {
  const [edges, setEdges] = useState<string[]>(box.map(String));
  useEffect(() => setEdges(box.map(String)), [box]);
  return (
    <form
      className="edges"
      onSubmit={(event) => {
        event.preventDefault();
        onBox(edges.map(Number) as Box);
      }}
    >
      {EDGES.map((name, place) => (
        <label key={name}>
          {name}
          <input
            type="number"
            step="any"
            required
            value={edges[place]}
            onChange={(event) => setEdges(edges.map((edge, at) => (at === place ? event.target.value : edge)))}
          />
        </label>
      ))}
      <button>Set</button>
    </form>
  );
}

function Measured({ measured, units, score, box }: { measured: Record<string, number | null>; units: Record<string, string>; score: number; box: Box }) {
  const known = Object.entries(measured).filter(([, value]) => value !== null);
  return (
    <details className="measured">
      <summary>Measurements</summary>
      <table>
        <tbody>
          <tr>
            <th scope="row">score</th>
            <td className="number">{score.toFixed(4)}</td>
          </tr>
          <tr>
            <th scope="row">box</th>
            <td className="number">{box.map((edge) => edge.toFixed(1)).join(" ")}</td>
          </tr>
          {known.map(([name, value]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td className="number">
                {value} {units[name]}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </details>
  );
}

function Help({ corrected }: { corrected: CorrectedField | null }) {
  return (
    <div className="help">
      <p>Choose a galaxy in the picture or in the table.</p>
      <dl>
        <dt>
          <kbd>n</kbd> <kbd>p</kbd>
        </dt>
        <dd>next, previous galaxy</dd>
        <dt>
          <kbd>a</kbd> <kbd>e</kbd>
        </dt>
        <dd>add a box, change it</dd>
        <dt>
          <kbd>o</kbd> <kbd>Del</kbd> <kbd>u</kbd>
        </dt>
        <dd>odd, delete, undo</dd>
        <dt>
          <kbd>+</kbd> <kbd>−</kbd> <kbd>0</kbd>
        </dt>
        <dd>zoom, on the picture</dd>
      </dl>
      <p className="hint">
        Dashed boxes: the class is less probable than all others together. Marks: votes of the networks.
      </p>
      {corrected !== null && corrected.edits > 0 && !corrected.folder && (
        <p className="hint">Corrections are removed with this result: download them to keep them.</p>
      )}
      {corrected?.folder && (
        <p className="hint">
          Corrections are saved in <code>{corrected.folder}</code>, where galpipe train reads them.
        </p>
      )}
    </div>
  );
}
