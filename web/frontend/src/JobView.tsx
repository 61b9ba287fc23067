/** A job on its way: the picture of its field at once, and its progress. */

import { useEffect, useState } from "react";
import { follow, get, send, type Job, type PictureInfo } from "./api";
import { SkyView } from "./SkyView";

export function JobView({ id, setTrail }: { id: string; setTrail: (trail: string[]) => void }) {
  const [job, setJob] = useState<Job | null>(null);
  const [picture, setPicture] = useState<{ kind: "preview" | "picture"; info: PictureInfo } | null>(null);
  const [error, setError] = useState("");

  useEffect(() => {
    const call = new AbortController();
    const show = async (kind: "preview" | "picture") =>
      setPicture({ kind, info: await get<PictureInfo>(`jobs/${id}/${kind}`, call.signal) });
    const load = async () => {
      const { files } = await get<Job>(`jobs/${id}`, call.signal);
      // One band is there sooner than three that are laid on each other.
      if (files.length > 1) await show("preview");
      await show("picture");
    };
    load().catch(() => undefined);
    const stop = follow(
      id,
      (found) => {
        setJob(found);
        if (found.run) location.replace(`#/run/${found.run}`);
      },
      setError,
    );
    return () => {
      call.abort();
      stop();
    };
  }, [id]);
  useEffect(() => setTrail(job ? [job.name] : []), [job?.name, setTrail]);

  const over = job !== null && !["queued", "running"].includes(job.status);
  return (
    <main className="job">
      <h1 className="hidden">{job?.name ?? "Job"}</h1>
      <div className="progress-line" aria-live="polite">
        {error && (
          <p className="alert" role="alert">
            {error}
          </p>
        )}
        {job && !over && (
          <>
            <progress value={job.total > 1 ? job.done / job.total : undefined} aria-label="Progress" />
            <span>
              {job.status === "queued"
                ? `Waiting: ${job.position} before it`
                : job.total > 1
                  ? `${job.done} of ${job.total} fields, ${job.progress}`
                  : "Searching and classifying"}
              {job.status === "running" && `, ${job.seconds.toFixed(0)} s`}
            </span>
            <button onClick={() => send("DELETE", `jobs/${id}`).catch((e: Error) => setError(e.message))}>
              Cancel
            </button>
          </>
        )}
        {job?.status === "failed" && (
          <p className="alert" role="alert">
            {job.message || "The field could not be processed."}
          </p>
        )}
        {!over && picture?.kind === "preview" && <span className="hint">One band, until the colours are there</span>}
        {job?.status === "cancelled" && <p>The job was cancelled.</p>}
        {over && <a href="#/">Back to all results</a>}
      </div>
      {picture ? (
        <SkyView picture={picture.info} tiles={`/api/jobs/${id}/${picture.kind}_files`} objects={[]} />
      ) : (
        !over && <p className="empty">Preparing the picture …</p>
      )}
    </main>
  );
}
