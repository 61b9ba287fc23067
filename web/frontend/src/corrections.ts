/** Objects of a field as a person corrected them, and the corrections on the server. */

import { useCallback, useEffect, useMemo, useState } from "react";
import {
  get,
  send,
  type Box,
  type ClassInfo,
  type CorrectedField,
  type Edit,
  type FieldDetail,
  type GalaxyObject,
} from "./api";
import type { BoxItem } from "./boxes";
import { short } from "./Probabilities";

/** An object of the catalogue, or one that a person added. */
export interface Item extends BoxItem {
  row: GalaxyObject | null;
  label: string;
  /** Class that a person chose. */
  chosen: string;
  probability: number | null;
}

const UNKNOWN = "#f0f0f0";

export function mergeItems(field: FieldDetail, corrected: CorrectedField | null, classes: ClassInfo[]): Item[] {
  const colours = new Map(classes.map((item) => [item.name, item.colour]));
  const changes = new Map(corrected?.objects.map((item) => [item.source_id, item]));
  const item = (id: string, box: Box, row: GalaxyObject | null): Item | null => {
    const change = changes.get(id);
    if (change?.deleted) return null;
    const chosen = change?.label ?? "";
    const label = chosen || row?.label || "galaxy";
    const probability = chosen ? null : (row?.probability ?? null);
    const number = probability ?? (chosen || !row ? null : row.score);
    return {
      id,
      box: change?.box ?? box,
      colour: colours.get(label) ?? UNKNOWN,
      text: `${short(label)}${number === null ? "" : ` ${number.toFixed(2)}`}`,
      doubtful: probability !== null && probability < 0.5,
      corrected: change !== undefined && (chosen !== "" || change.box !== null || change.added),
      odd: change?.odd ?? false,
      row,
      label,
      chosen,
      probability,
    };
  };
  const rows = field.objects_list.map((row) => item(row.source_id, row.box, row));
  const added = (corrected?.objects ?? [])
    .filter((change) => change.added && change.box)
    .map((change) => item(change.source_id, change.box!, null));
  return [...rows, ...added].filter((one) => one !== null);
}

export function useCorrections(run: string, field: FieldDetail | null, classes: ClassInfo[]) {
  const [corrected, setCorrected] = useState<CorrectedField | null>(null);
  const [problem, setProblem] = useState("");
  const [saving, setSaving] = useState(false);
  const path = field && `runs/${run}/fields/${field.number}/corrections`;

  useEffect(() => {
    setCorrected(null);
    setProblem("");
    if (!path) return;
    const call = new AbortController();
    get<CorrectedField>(path, call.signal).then(setCorrected, (error: Error) => {
      if (error.name !== "AbortError") setProblem(error.message);
    });
    return () => call.abort();
  }, [path]);

  const change = useCallback(
    async (edit: Edit | "undo"): Promise<CorrectedField | null> => {
      if (!path) return null;
      setSaving(true);
      setProblem("");
      try {
        const found =
          edit === "undo"
            ? await send<CorrectedField>("DELETE", `${path}/last`)
            : await send<CorrectedField>("POST", path, edit);
        setCorrected(found);
        return found;
      } catch (error) {
        setProblem((error as Error).message);
        return null;
      } finally {
        setSaving(false);
      }
    },
    [path],
  );

  const items = useMemo(
    () => (field ? mergeItems(field, corrected, classes) : []),
    [field, corrected, classes],
  );
  return { items, corrected, change, problem, saving };
}
