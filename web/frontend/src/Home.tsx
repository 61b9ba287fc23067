/** First view: upload a field, choose an example, open results, classify a cutout. */

import { useCallback, useEffect, useRef, useState, type DragEvent } from "react";
import { classify, get, send, upload, type Cutout, type Job, type RunSummary, type ServerInfo } from "./api";
import { Probabilities } from "./Probabilities";

/** Filters from red to blue, to guess the order of three bands by their names. */
const RED_TO_BLUE = ["y", "z", "i", "r", "v", "g", "b", "u"];

function redness(name: string): number {
  const words = name.toLowerCase().split(/[^a-z]+/);
  const rank = RED_TO_BLUE.findIndex((band) => words.includes(band) || words.includes(`${band}band`));
  const spelt = ["red", "green", "blue"].findIndex((word) => words.includes(word));
  return spelt >= 0 ? spelt : rank < 0 ? RED_TO_BLUE.length : rank;
}

const size = (bytes: number) =>
  bytes > 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(1)} MB` : `${Math.ceil(bytes / 1024)} kB`;

export function Home({ info, setTrail }: { info: ServerInfo; setTrail: (trail: string[]) => void }) {
  const [runs, setRuns] = useState<RunSummary[]>([]);
  const [jobs, setJobs] = useState<Job[]>([]);
  const [error, setError] = useState("");

  const refresh = useCallback(async () => {
    try {
      const [foundRuns, foundJobs] = await Promise.all([get<RunSummary[]>("runs"), get<Job[]>("jobs")]);
      setRuns(foundRuns);
      setJobs(foundJobs);
    } catch (problem) {
      setError((problem as Error).message);
    }
  }, []);

  useEffect(() => {
    setTrail([]);
    refresh();
    const timer = window.setInterval(refresh, 4000);
    return () => window.clearInterval(timer);
  }, [refresh, setTrail]);

  const remove = async (id: string) => {
    try {
      await send("DELETE", `jobs/${id}`);
    } catch (problem) {
      setError((problem as Error).message);
    }
    refresh();
  };
  const unfinished = jobs.filter((job) => job.run === null);

  return (
    <main className="home">
      <h1 className="hidden">Fields and results</h1>
      {error && (
        <p className="alert" role="alert">
          {error}
        </p>
      )}
      <section className="card" aria-labelledby="search">
        <h2 id="search">Search a field</h2>
        <Uploader info={info} setError={setError} />
        <div className="examples">
          {info.examples.map((example) => (
            <button
              key={example.id}
              onClick={async () => {
                try {
                  const job = await send<Job>("POST", "jobs", { example: example.id });
                  location.hash = `#/job/${job.id}`;
                } catch (problem) {
                  setError((problem as Error).message);
                }
              }}
            >
              {example.title}
              <small>{example.description}</small>
            </button>
          ))}
        </div>
      </section>
      <section className="card" aria-labelledby="results">
        <h2 id="results">Results</h2>
        {unfinished.length + runs.length === 0 && (
          <p className="empty">No result yet. Upload a field, or start with: galpipe serve OUT</p>
        )}
        <ul className="list">
          {unfinished.map((job) => (
            <li key={job.id}>
              <a href={`#/job/${job.id}`}>{job.name}</a>
              <span className={`state ${job.status}`}>
                {job.status === "queued" ? `queued, ${job.position} before it` : job.status}
              </span>
              <button className="quiet" onClick={() => remove(job.id)}>
                {job.status === "queued" || job.status === "running" ? "Cancel" : "Remove"}
                <span className="hidden"> {job.name}</span>
              </button>
            </li>
          ))}
          {runs.map((run) => (
            <li key={run.id}>
              <a href={`#/run/${run.id}`}>{run.name}</a>
              <span>
                {run.galaxies} {run.galaxies === 1 ? "galaxy" : "galaxies"} · {run.fields}{" "}
                {run.fields === 1 ? "field" : "fields"}
                {run.failed > 0 && ` · ${run.failed} failed`}
                {run.status !== "complete" && " · unfinished"}
              </span>
              <time dateTime={run.started}>{run.started.slice(0, 16).replace("T", " ")} UTC</time>
              {run.problem && <span className="problem">Not in the storage yet: {run.problem}</span>}
            </li>
          ))}
        </ul>
        {!info.keeps && (
          <p className="hint">
            Uploads and their results are removed an hour after their last use. Start the server with
            --storage to keep them.
          </p>
        )}
      </section>
      <CutoutCard setError={setError} info={info} />
      <footer className="hint">
        galpipe {info.version} · detector {info.detector} · classifier {info.classifier} ·{" "}
        <a href="/api/openapi.json">API</a>
      </footer>
    </main>
  );
}

function Uploader({ info, setError }: { info: ServerInfo; setError: (text: string) => void }) {
  const [files, setFiles] = useState<File[]>([]);
  const [share, setShare] = useState<number | null>(null);
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  const take = (chosen: FileList | null) => {
    const list = [...(chosen ?? [])];
    setError("");
    if (list.length === 0) return;
    if (list.length !== 1 && list.length !== 3) {
      setError("Give one file, or the three FITS files of a field in red, green and blue.");
      return;
    }
    const large = list.find((file) => file.size > info.max_upload);
    if (large) {
      setError(`${large.name} has ${size(large.size)}; ${size(info.max_upload)} are allowed here.`);
      return;
    }
    setFiles(list.sort((a, b) => redness(a.name) - redness(b.name)));
  };

  const start = async () => {
    setError("");
    setShare(0);
    try {
      const ids: string[] = [];
      for (const [place, file] of files.entries()) {
        const { id } = await upload(file, (sent) => setShare((place + sent) / files.length));
        ids.push(id);
      }
      const job = await send<Job>("POST", "jobs", { uploads: ids });
      location.hash = `#/job/${job.id}`;
    } catch (problem) {
      setError((problem as Error).message);
      setShare(null);
    }
  };

  const swap = (place: number) =>
    setFiles(files.map((file, at) => (at === place ? files[at - 1] : at === place - 1 ? files[at + 1] : file)));

  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };

  return (
    <>
      <div
        className={`drop ${over ? "over" : ""}`}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <p>Drop a field here: FITS, JPEG, PNG, WebP or TIFF, or three FITS bands at once.</p>
        <button onClick={() => input.current?.click()}>Choose files</button>
        <input
          ref={input}
          type="file"
          multiple
          className="hidden"
          aria-label="Field: one file, or three FITS bands"
          tabIndex={-1}
          onChange={(event) => {
            take(event.target.files);
            event.target.value = "";
          }}
        />
      </div>
      {files.length > 0 && (
        <div className="chosen">
          <ol>
            {files.map((file, place) => (
              <li key={file.name}>
                {files.length === 3 && <b>{["red", "green", "blue"][place]}</b>} {file.name}{" "}
                <small>{size(file.size)}</small>
                {place > 0 && share === null && (
                  <button className="quiet" onClick={() => swap(place)}>
                    up<span className="hidden">: {file.name}</span>
                  </button>
                )}
              </li>
            ))}
          </ol>
          {share === null ? (
            <button className="primary" onClick={start}>
              Find the galaxies
            </button>
          ) : (
            <progress value={share} aria-label="Sent" />
          )}
        </div>
      )}
    </>
  );
}

function CutoutCard({ info, setError }: { info: ServerInfo; setError: (text: string) => void }) {
  const [found, setFound] = useState<Cutout | null>(null);
  const [picture, setPicture] = useState("");
  const [busy, setBusy] = useState(false);
  useEffect(() => () => URL.revokeObjectURL(picture), [picture]);

  const take = async (file?: File) => {
    if (!file) return;
    setBusy(true);
    setError("");
    setFound(null);
    setPicture(file.type.startsWith("image/") ? URL.createObjectURL(file) : "");
    try {
      setFound(await classify(file));
    } catch (problem) {
      setError((problem as Error).message);
    }
    setBusy(false);
  };

  return (
    <section className="card" aria-labelledby="cutout">
      <h2 id="cutout">Classify one cutout</h2>
      <label className="file">
        An image with one galaxy at its centre{" "}
        <input type="file" onChange={(event) => take(event.target.files?.[0])} />
      </label>
      {busy && <p aria-live="polite">Classifying …</p>}
      {found && (
        <div className="cutout" aria-live="polite">
          {picture && <img src={picture} alt="The cutout" />}
          {found.probabilities ? (
            <Probabilities classes={info.classes} probabilities={found.probabilities} members={found.members} />
          ) : (
            <p>The image has no contrast around its centre, so it has no class.</p>
          )}
          {found.notes.map((note) => (
            <p key={note} className="hint">
              {note}
            </p>
          ))}
        </div>
      )}
    </section>
  );
}
