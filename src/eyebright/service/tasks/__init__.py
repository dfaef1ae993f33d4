"""What background jobs do; each function runs in a worker process and calls one verb of a system.

Arguments are plain values. Whatever a client chose was checked when the job was made; folders are checked again here,
since links may have been changed meanwhile.
"""

from __future__ import annotations

KINDS = {
    "authenticity.check": "eyebright.service.tasks.authenticity:check_photos",
    "authenticity.eval": "eyebright.service.tasks.authenticity:evaluate_manifest",
    "authenticity.fit": "eyebright.service.tasks.authenticity:fit",
    "detect.batch": "eyebright.service.tasks.batches:look",
    "detect.eval": "eyebright.service.tasks.detect:evaluate",
    "detect.pose.eval": "eyebright.service.tasks.detect:evaluate_poses",
    "detect.propose.eval": "eyebright.service.tasks.detect:evaluate_proposals",
    "detect.segment.eval": "eyebright.service.tasks.detect:evaluate_segments",
    "faces.blur": "eyebright.service.tasks.faces:blur",
    "faces.cluster": "eyebright.service.tasks.faces:cluster",
    "faces.enroll": "eyebright.service.tasks.faces:enroll",
    "faces.eval": "eyebright.service.tasks.faces:evaluate",
    "faces.migrate": "eyebright.service.tasks.faces:migrate",
    "faces.watch": "eyebright.service.tasks.faces:watch",
    "models.pull": "eyebright.service.tasks.models:pull_model",
    "models.verify": "eyebright.service.tasks.models:verify_model",
    "search.duplicates": "eyebright.service.tasks.search:find_duplicates",
    "search.eval": "eyebright.service.tasks.search:evaluate",
    "search.index": "eyebright.service.tasks.search:index",
    "search.reindex": "eyebright.service.tasks.search:reindex",
    "track.eval": "eyebright.service.tasks.track:evaluate",
    "track.run": "eyebright.service.tasks.track:run",
    "track.score": "eyebright.service.tasks.track:score",
    "track.tune": "eyebright.service.tasks.track:tune",
}
"""The jobs of the service, for `JobQueue`."""
