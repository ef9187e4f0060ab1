"""The store: SQLite tables, media and bulk annotations; knows the model and no format.

- `engine.Store`: `Store.create(dir)`, `Store.open(dir)`, `find_store(given)`;
  `with store.write() as session:` is one transaction, `with store.read() as session:` a snapshot.
- `tables`: the small tables as SQLModel rows (`ProjectRow`, `TaskRow`, `DataRow`, `FrameRow`,
  `SegmentRow`, `JobRow`, `GuideRow`, `AssetRow`, …).
- `labels`: `insert_labels`, `read_labels`, `label_ids` (names to ids for the annotations).
- `annotations`: `AnnotationWriter(session, ids).write(job_id, Annotations)`, then `flush()`;
  `AnnotationReader(session, ids).read(job_id)`.
- `media`: `MediaKeeper(store, session, mode).add(media) -> id`, `sync()` before the commit,
  `undo()` when it failed; `MediaShelf(store, session).get(id, name)`.
"""

from localcvat.store.engine import Store, find_store

__all__ = ["Store", "find_store"]
