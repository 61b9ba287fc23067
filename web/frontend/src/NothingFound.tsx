/** What the panel says of a field without a galaxy: what could be done. */

import type { RunDetail } from "./api";

interface Props {
  run: RunDetail;
  notes: number;
}

export function NothingFound({ run, notes }: Props) {
  return (
    <div className="nothing">
      <h2>No galaxy was found in this field</h2>
      <ul>
        {notes > 0 && <li>Read the notes above the picture: they say what is unusual about the field.</li>}
        {run.score_threshold !== null && (
          <li>
            Search with a lower score threshold than {run.score_threshold.toPrecision(2)} to also find fainter galaxies:{" "}
            <code>
              galpipe {run.command} … --score-threshold {(run.score_threshold / 2).toPrecision(1)}
            </code>
          </li>
        )}
        <li>Give the field at its full resolution: the shipped detector finds galaxies from about 15 pixels up.</li>
        <li>
          Choose a lower white under Stretch to see faint galaxies, and add a box around each that was
          missed. A detector can be trained with these boxes.
        </li>
      </ul>
    </div>
  );
}
