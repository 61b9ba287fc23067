/** Probabilities of the classes as bars, with the votes of the networks as marks. */

import type { ClassInfo, Member } from "./api";

/** A class without the word that all share. */
export const short = (name: string) => name.replace(/\s+(galaxies|galaxy)\b/i, "");

export function Probabilities({
  classes,
  probabilities,
  members = [],
}: {
  classes: ClassInfo[];
  probabilities: number[];
  members?: Member[];
}) {
  const best = Math.max(...probabilities);
  return (
    <div className="probabilities">
      <table>
        <caption className="hidden">Probabilities of the classes</caption>
        <colgroup>
          <col className="name" />
          <col />
          <col className="value" />
        </colgroup>
        <thead className="hidden">
          <tr>
            <th scope="col">Class</th>
            <th scope="col">Bar</th>
            <th scope="col">Probability</th>
          </tr>
        </thead>
        <tbody>
          {classes.map((item, place) => (
            <tr key={item.name} className={probabilities[place] === best ? "best" : ""}>
              <th scope="row">{short(item.name)}</th>
              <td className="track">
                <span
                  className="fill"
                  style={{ width: `${100 * probabilities[place]}%`, background: item.colour }}
                />
                {members.map((member, number) => (
                  <span
                    key={member.name}
                    className={`vote vote-${number % 4}`}
                    style={{ left: `${100 * member.probabilities[place]}%` }}
                    title={`${member.name}: ${member.probabilities[place].toFixed(3)}`}
                  />
                ))}
              </td>
              <td className="number">{probabilities[place].toFixed(3)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {members.length > 0 && (
        <p className="legend">
          Votes before calibration:{" "}
          {members.map((member, number) => (
            <span key={member.name}>
              <i className={`vote vote-${number % 4}`} /> {member.name}
              {members.length > 1 && ` (${member.weight})`}
            </span>
          ))}
        </p>
      )}
    </div>
  );
}
