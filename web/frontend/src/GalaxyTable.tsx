/** Table of the objects of a field: sorted, filtered, linked with the picture, of any length. */

import { useEffect, useMemo, useRef, useState } from "react";
import type { ClassInfo } from "./api";
import type { Item } from "./corrections";
import { short } from "./Probabilities";
import { degrees, hours } from "./sky";

export interface Filter {
  label: string;
  probability: number;
  only: "" | "flags" | "corrected" | "odd";
}

export const ALL: Filter = { label: "", probability: 0, only: "" };

export function filterItems(items: Item[], filter: Filter): Item[] {
  return items.filter(
    (item) =>
      (filter.label === "" || item.label === filter.label) &&
      (filter.probability === 0 || (item.probability ?? (item.chosen ? 1 : 0)) >= filter.probability) &&
      (filter.only === "" ||
        (filter.only === "flags" && (item.row?.flags.length ?? 0) > 0) ||
        (filter.only === "corrected" && item.corrected) ||
        (filter.only === "odd" && item.odd)),
  );
}

interface Column {
  name: string;
  title: string;
  value: (item: Item) => number | string;
  text: (item: Item) => string;
  number?: boolean;
}

const ROW = 28; // pixels
const SPARE = 8; // rows above and below those in view

const fixed = (value: number | null | undefined, digits: number) =>
  value === null || value === undefined ? "–" : value.toFixed(digits);
const side = (item: Item) => Math.max(item.box[2] - item.box[0], item.box[3] - item.box[1]);

function columnsOf(items: Item[]): Column[] {
  const sky = items.some((item) => item.row?.ra != null);
  const magnitude = Object.keys(items.find((item) => item.row)?.row?.measured ?? {}).filter(
    (name) => name.startsWith("mag_") && !name.startsWith("mag_err"),
  );
  const band = magnitude.includes("mag_r") ? "mag_r" : magnitude[0];
  const measured = band && items.some((item) => item.row?.measured[band] != null);
  return [
    { name: "class", title: "Class", value: (i) => i.label, text: (i) => short(i.label) },
    {
      name: "p",
      title: "Prob.",
      number: true,
      value: (i) => i.probability ?? (i.chosen ? 2 : -1),
      text: (i) => (i.chosen ? "chosen" : fixed(i.probability, 3)),
    },
    { name: "score", title: "Score", number: true, value: (i) => i.row?.score ?? 2, text: (i) => fixed(i.row?.score, 3) },
    ...(sky
      ? [
          { name: "ra", title: "RA", number: true, value: (i: Item) => i.row?.ra ?? -1, text: (i: Item) => (i.row?.ra == null ? "–" : hours(i.row.ra)) },
          { name: "dec", title: "Dec", number: true, value: (i: Item) => i.row?.dec ?? -99, text: (i: Item) => (i.row?.dec == null ? "–" : degrees(i.row.dec)) },
        ]
      : []),
    { name: "x", title: "x", number: true, value: (i) => i.box[0] + i.box[2], text: (i) => fixed((i.box[0] + i.box[2]) / 2, 1) },
    { name: "y", title: "y", number: true, value: (i) => i.box[1] + i.box[3], text: (i) => fixed((i.box[1] + i.box[3]) / 2, 1) },
    { name: "size", title: "Size, px", number: true, value: side, text: (i) => fixed(side(i), 0) },
    ...(measured
      ? [{ name: "mag", title: band.replace("mag_", "mag "), number: true, value: (i: Item) => i.row?.measured[band] ?? 99, text: (i: Item) => fixed(i.row?.measured[band], 2) }]
      : []),
    {
      name: "flags",
      title: "Flags",
      value: (i) => (i.odd ? "0" : i.corrected ? "1" : "2") + (i.row?.flags.join() || "~"),
      text: (i) => [i.odd && "odd", i.corrected && (i.row ? "corrected" : "added"), ...(i.row?.flags ?? [])].filter(Boolean).join(", ").replaceAll("_", " "),
    },
  ];
}

interface Props {
  items: Item[];
  shown: Item[];
  classes: ClassInfo[];
  filter: Filter;
  setFilter: (filter: Filter) => void;
  selected: string | null;
  onSelect: (id: string) => void;
}

export function GalaxyTable({ items, shown, classes, filter, setFilter, selected, onSelect }: Props) {
  const [order, setOrder] = useState<{ name: string; down: boolean }>({ name: "score", down: true });
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(300);
  const scroller = useRef<HTMLDivElement>(null);
  const columns = useMemo(() => columnsOf(items), [items]);
  const rows = useMemo(() => {
    const column = columns.find((one) => one.name === order.name) ?? columns[0];
    const sign = order.down ? -1 : 1;
    return [...shown].sort((a, b) => {
      const [one, two] = [column.value(a), column.value(b)];
      return (one < two ? -1 : one > two ? 1 : 0) * sign;
    });
  }, [shown, columns, order]);

  useEffect(() => {
    const element = scroller.current!;
    const watcher = new ResizeObserver(() => setHeight(element.clientHeight));
    watcher.observe(element);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => {
    const place = rows.findIndex((item) => item.id === selected);
    const element = scroller.current;
    if (place < 0 || !element) return;
    const head = ROW + 2;
    if (place * ROW < element.scrollTop) element.scrollTop = place * ROW;
    else if ((place + 1) * ROW + head > element.scrollTop + element.clientHeight) {
      element.scrollTop = (place + 1) * ROW + head - element.clientHeight;
    }
  }, [selected, rows]);

  const first = Math.max(0, Math.floor(top / ROW) - SPARE);
  const last = Math.min(rows.length, Math.ceil((top + height) / ROW) + SPARE);
  const counts = new Map<string, number>();
  for (const item of items) counts.set(item.label, (counts.get(item.label) ?? 0) + 1);

  const arrow = (event: React.KeyboardEvent) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!by || !rows.length) return;
    event.preventDefault();
    const place = rows.findIndex((item) => item.id === selected);
    onSelect(rows[Math.min(Math.max(place + by, 0), rows.length - 1)].id);
  };

  return (
    <section className="table" aria-label="Galaxies">
      <div className="filters">
        <label>
          Class{" "}
          <select value={filter.label} onChange={(event) => setFilter({ ...filter, label: event.target.value })}>
            <option value="">all ({items.length})</option>
            {classes
              .filter((item) => counts.has(item.name))
              .map((item) => (
                <option key={item.name} value={item.name}>
                  {short(item.name)} ({counts.get(item.name)})
                </option>
              ))}
          </select>
        </label>
        <label>
          Probability from{" "}
          <input
            type="range"
            min={0}
            max={1}
            step={0.05}
            value={filter.probability}
            onChange={(event) => setFilter({ ...filter, probability: Number(event.target.value) })}
          />
          <span className="number">{filter.probability.toFixed(2)}</span>
        </label>
        <label>
          Show{" "}
          <select
            value={filter.only}
            onChange={(event) => setFilter({ ...filter, only: event.target.value as Filter["only"] })}
          >
            <option value="">all</option>
            <option value="flags">with flags</option>
            <option value="corrected">corrected</option>
            <option value="odd">odd</option>
          </select>
        </label>
        <span className="count" aria-live="polite">
          {rows.length} of {items.length}
        </span>
      </div>
      <div
        ref={scroller}
        className="scroller"
        tabIndex={0}
        role="group"
        aria-label="Rows: arrow keys choose one"
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
        onKeyDown={arrow}
      >
        <table aria-rowcount={rows.length + 1}>
          <thead>
            <tr>
              {columns.map((column) => (
                <th
                  key={column.name}
                  scope="col"
                  className={column.number ? "number" : ""}
                  aria-sort={order.name !== column.name ? "none" : order.down ? "descending" : "ascending"}
                >
                  <button
                    onClick={() =>
                      setOrder({ name: column.name, down: order.name === column.name ? !order.down : !!column.number })
                    }
                  >
                    {column.title}
                    <span aria-hidden="true">{order.name === column.name ? (order.down ? " ↓" : " ↑") : ""}</span>
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {first > 0 && <tr style={{ height: first * ROW }} aria-hidden="true" />}
            {rows.slice(first, last).map((item, place) => (
              <tr
                key={item.id}
                aria-rowindex={first + place + 2}
                aria-current={item.id === selected ? "true" : undefined}
                data-id={item.id}
                onClick={() => onSelect(item.id)}
              >
                {columns.map((column) => (
                  <td key={column.name} className={column.number ? "number" : ""}>
                    {column.name === "class" && <i className="swatch" style={{ background: item.colour }} />}
                    {column.text(item)}
                    {column.name === "p" && item.doubtful && " ?"}
                  </td>
                ))}
              </tr>
            ))}
            {last < rows.length && <tr style={{ height: (rows.length - last) * ROW }} aria-hidden="true" />}
          </tbody>
        </table>
        {rows.length === 0 && <p className="empty">No galaxy passes the filter.</p>}
      </div>
    </section>
  );
}
