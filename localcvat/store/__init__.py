"""The store: a directory with a SQLite database and media files.

Shape of the API, bottom up (the store knows no dataset format):

- `engine`: ``Store.create(dir)``, ``Store.open(dir, readonly=False)``, ``find_store(explicit)``;
  ``with store.write() as session`` is one IMMEDIATE transaction, ``with store.read() as session``
  one consistent view. A session is a sqlmodel Session; ``raw(session)`` is its sqlite3 connection
  for executemany. ``now()`` is a date as the database spells it.
- `tables`: one SQLModel class a table (``ProjectRow``, ``TaskRow``, ``DataRow``, ``FrameRow``,
  ``JobRow``, …); JSON columns hold text.
- `media`: ``with store.media.batch() as batch`` around ``store.write()``: ``batch.add(media)`` is a
  ``Blob(sha256, size)``, files appear before the transaction commits and go again when it fails;
  ``media_id = copied(session, blob)`` / ``referenced(session, reference_to(path))``;
  ``media_of(store, session, media_id, name)`` gives a `model.Media`; ``collect(store)`` frees
  orphans.
- `label_map`: ``labels = label_map(session, project_id=… | task_id=…)``, what annotations refer to.
- `annotation_rows`: ``write_annotations(session, job_id, annotations, labels)``,
  ``AnnotationWriter`` for streams, ``clear_annotations``; it takes shapes that `packed_shapes` made
  elsewhere. `packing` is how points are kept.
- `annotation_reading`: ``read_annotations(session, job_id, labels)`` in the order written,
  ``frames_of(session, job_id, labels)`` and ``tracks_of`` for exports, ``tags_of`` and
  ``shapes_of`` as streams.

Services on top (plain functions, values with ids):

- `localcvat.projects`, `localcvat.tasks`, `localcvat.jobs`, `localcvat.users`, `localcvat.labels`
  and `localcvat.label_rows` (labels in the database).
- `localcvat.task_rows`, nothing derived: ``insert_task(session, TaskRow, DataRow)``,
  ``insert_jobs(session, task_id, [JobDraft])``, ``FrameWriter`` of `FileDraft`s, `FrameDraft`s.
- `localcvat.backup.restore` and `localcvat.backup.write`: CVAT's backups in and out.
- `localcvat.datasets`: projects, tasks and jobs as a `model.Dataset`; `localcvat.dataset_import`:
  a `model.Dataset` as new tasks of a project, read by `localcvat.reading_process`.
"""
