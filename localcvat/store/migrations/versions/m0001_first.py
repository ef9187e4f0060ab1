"""The first released schema: projects, labels, tasks, data, jobs, annotations, guides, requests.

STRICT tables, foreign keys with CVAT's cascades. JSON columns hold compact text. Dates are ISO 8601
UTC text with microseconds and ``Z``, so that text order is time order. `points` is packed
little-endian float64. `attributes` of annotations map attribute_spec ids to string values.
Names of tables and columns are CVAT's words; ``grp`` stands for SQL's reserved `group`.
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None

STATEMENTS = """
CREATE TABLE user (
  id INTEGER PRIMARY KEY, username TEXT NOT NULL UNIQUE, email TEXT NOT NULL DEFAULT '',
  first_name TEXT NOT NULL DEFAULT '', last_name TEXT NOT NULL DEFAULT '') STRICT;
CREATE TABLE organization (
  id INTEGER PRIMARY KEY, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL DEFAULT '',
  owner_id INTEGER REFERENCES user(id) ON DELETE SET NULL, created_date TEXT NOT NULL) STRICT;
CREATE TABLE project (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,
  status TEXT NOT NULL DEFAULT 'annotation' CHECK (status IN ('annotation','validation','completed')),
  owner_id INTEGER REFERENCES user(id) ON DELETE SET NULL,
  assignee_id INTEGER REFERENCES user(id) ON DELETE SET NULL,
  assignee_updated_date TEXT,
  organization_id INTEGER REFERENCES organization(id) ON DELETE CASCADE,
  bug_tracker TEXT NOT NULL DEFAULT '',
  source_storage TEXT, target_storage TEXT,
  created_date TEXT NOT NULL, updated_date TEXT NOT NULL,
  deleted_date TEXT, extras TEXT) STRICT;
CREATE INDEX project_name ON project(name, id);
CREATE INDEX project_owner ON project(owner_id, id);
CREATE INDEX project_assignee ON project(assignee_id, id);
CREATE INDEX project_status ON project(status, id);
CREATE INDEX project_updated ON project(updated_date, id);
CREATE TABLE data (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  size INTEGER NOT NULL DEFAULT 0,
  chunk_size INTEGER, image_quality INTEGER NOT NULL DEFAULT 70,
  start_frame INTEGER NOT NULL DEFAULT 0, stop_frame INTEGER NOT NULL DEFAULT 0,
  frame_filter TEXT NOT NULL DEFAULT '',
  chunk_type TEXT NOT NULL DEFAULT 'imageset', original_chunk_type TEXT NOT NULL DEFAULT 'imageset',
  storage_method TEXT NOT NULL DEFAULT 'cache', storage TEXT NOT NULL DEFAULT 'local',
  sorting_method TEXT NOT NULL DEFAULT 'lexicographical',
  deleted_frames TEXT NOT NULL DEFAULT '[]',
  custom_segments INTEGER NOT NULL DEFAULT 0,
  validation_layout TEXT, extras TEXT) STRICT;
CREATE TABLE task (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id INTEGER REFERENCES project(id) ON DELETE CASCADE,
  data_id INTEGER REFERENCES data(id) ON DELETE SET NULL,
  name TEXT NOT NULL, subset TEXT NOT NULL DEFAULT '',
  mode TEXT NOT NULL DEFAULT '', dimension TEXT NOT NULL DEFAULT '2d',
  status TEXT NOT NULL DEFAULT 'annotation' CHECK (status IN ('annotation','validation','completed')),
  owner_id INTEGER REFERENCES user(id) ON DELETE SET NULL,
  assignee_id INTEGER REFERENCES user(id) ON DELETE SET NULL,
  assignee_updated_date TEXT,
  organization_id INTEGER REFERENCES organization(id) ON DELETE CASCADE,
  bug_tracker TEXT NOT NULL DEFAULT '',
  overlap INTEGER, segment_size INTEGER NOT NULL DEFAULT 0,
  consensus_replicas INTEGER NOT NULL DEFAULT 0,
  source_storage TEXT, target_storage TEXT,
  created_date TEXT NOT NULL, updated_date TEXT NOT NULL,
  deleted_date TEXT, extras TEXT) STRICT;
CREATE INDEX task_project ON task(project_id, id);
CREATE INDEX task_name ON task(name, id);
CREATE INDEX task_updated ON task(updated_date, id);
CREATE INDEX task_data ON task(data_id);
CREATE TABLE label (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id INTEGER REFERENCES project(id) ON DELETE CASCADE,
  task_id INTEGER REFERENCES task(id) ON DELETE CASCADE,
  parent_id INTEGER REFERENCES label(id) ON DELETE CASCADE,
  name TEXT NOT NULL, color TEXT NOT NULL DEFAULT '', type TEXT NOT NULL DEFAULT 'any',
  svg TEXT NOT NULL DEFAULT '', extras TEXT,
  CHECK ((project_id IS NULL) <> (task_id IS NULL))) STRICT;
CREATE UNIQUE INDEX label_in_project ON label(project_id, coalesce(parent_id, 0), name) WHERE project_id IS NOT NULL;
CREATE UNIQUE INDEX label_in_task ON label(task_id, coalesce(parent_id, 0), name) WHERE task_id IS NOT NULL;
CREATE INDEX label_parent ON label(parent_id);
CREATE TABLE attribute_spec (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  label_id INTEGER NOT NULL REFERENCES label(id) ON DELETE CASCADE,
  name TEXT NOT NULL, mutable INTEGER NOT NULL DEFAULT 0,
  input_type TEXT NOT NULL DEFAULT 'text', default_value TEXT NOT NULL DEFAULT '',
  "values" TEXT NOT NULL DEFAULT '[]', UNIQUE (label_id, name)) STRICT;
CREATE TABLE media (
  id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL, size INTEGER NOT NULL,
  kind TEXT NOT NULL DEFAULT 'copy' CHECK (kind IN ('copy','reference')),
  path TEXT, mtime_ns INTEGER) STRICT;
CREATE UNIQUE INDEX media_copy ON media(sha256) WHERE kind = 'copy';
CREATE INDEX media_reference ON media(path) WHERE kind = 'reference';
CREATE TABLE data_file (
  data_id INTEGER NOT NULL REFERENCES data(id) ON DELETE CASCADE,
  position INTEGER NOT NULL, path TEXT NOT NULL,
  kind TEXT NOT NULL DEFAULT 'media' CHECK (kind IN ('media','related','manifest','index','other')),
  media_id INTEGER REFERENCES media(id), extras TEXT,
  PRIMARY KEY (data_id, position)) STRICT, WITHOUT ROWID;
CREATE INDEX data_file_media ON data_file(media_id);
CREATE TABLE frame (
  data_id INTEGER NOT NULL REFERENCES data(id) ON DELETE CASCADE,
  number INTEGER NOT NULL, path TEXT NOT NULL,
  width INTEGER NOT NULL DEFAULT 0, height INTEGER NOT NULL DEFAULT 0,
  media_id INTEGER REFERENCES media(id), extras TEXT,
  PRIMARY KEY (data_id, number)) STRICT, WITHOUT ROWID;
CREATE INDEX frame_media ON frame(media_id);
CREATE TABLE segment (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  task_id INTEGER NOT NULL REFERENCES task(id) ON DELETE CASCADE,
  start_frame INTEGER NOT NULL, stop_frame INTEGER NOT NULL,
  type TEXT NOT NULL DEFAULT 'range' CHECK (type IN ('range','specific_frames')),
  frames TEXT NOT NULL DEFAULT '[]', files TEXT) STRICT;
CREATE INDEX segment_task ON segment(task_id, id);
CREATE TABLE job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  segment_id INTEGER NOT NULL REFERENCES segment(id) ON DELETE CASCADE,
  task_id INTEGER NOT NULL REFERENCES task(id) ON DELETE CASCADE,
  parent_job_id INTEGER REFERENCES job(id) ON DELETE CASCADE,
  type TEXT NOT NULL DEFAULT 'annotation',
  stage TEXT NOT NULL DEFAULT 'annotation', state TEXT NOT NULL DEFAULT 'new',
  status TEXT NOT NULL DEFAULT 'annotation',
  assignee_id INTEGER REFERENCES user(id) ON DELETE SET NULL, assignee_updated_date TEXT,
  created_date TEXT NOT NULL, updated_date TEXT NOT NULL, extras TEXT) STRICT;
CREATE INDEX job_task ON job(task_id, id);
CREATE INDEX job_segment ON job(segment_id);
CREATE TABLE tag (
  id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  frame INTEGER NOT NULL, label_id INTEGER NOT NULL REFERENCES label(id) ON DELETE CASCADE,
  grp INTEGER NOT NULL DEFAULT 0, source TEXT NOT NULL DEFAULT 'manual', score REAL,
  attributes TEXT, extras TEXT) STRICT;
CREATE INDEX tag_job ON tag(job_id, frame);
CREATE INDEX tag_label ON tag(label_id);
CREATE TABLE shape (
  id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  parent_id INTEGER REFERENCES shape(id) ON DELETE CASCADE,
  frame INTEGER NOT NULL, label_id INTEGER NOT NULL REFERENCES label(id) ON DELETE CASCADE,
  type TEXT NOT NULL, points BLOB NOT NULL,
  occluded INTEGER NOT NULL DEFAULT 0, outside INTEGER NOT NULL DEFAULT 0,
  z_order INTEGER NOT NULL DEFAULT 0, rotation REAL NOT NULL DEFAULT 0.0,
  grp INTEGER NOT NULL DEFAULT 0, source TEXT NOT NULL DEFAULT 'manual', score REAL,
  instance INTEGER NOT NULL DEFAULT 0, attributes TEXT, extras TEXT) STRICT;
CREATE INDEX shape_job ON shape(job_id, frame);
CREATE INDEX shape_parent ON shape(parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE track (
  id INTEGER PRIMARY KEY, job_id INTEGER NOT NULL REFERENCES job(id) ON DELETE CASCADE,
  parent_id INTEGER REFERENCES track(id) ON DELETE CASCADE,
  frame INTEGER NOT NULL, label_id INTEGER NOT NULL REFERENCES label(id) ON DELETE CASCADE,
  grp INTEGER NOT NULL DEFAULT 0, source TEXT NOT NULL DEFAULT 'manual', score REAL,
  attributes TEXT, extras TEXT) STRICT;
CREATE INDEX track_job ON track(job_id);
CREATE INDEX track_parent ON track(parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX track_label ON track(label_id);
CREATE TABLE tracked_shape (
  id INTEGER PRIMARY KEY, track_id INTEGER NOT NULL REFERENCES track(id) ON DELETE CASCADE,
  frame INTEGER NOT NULL, type TEXT NOT NULL, points BLOB NOT NULL,
  occluded INTEGER NOT NULL DEFAULT 0, outside INTEGER NOT NULL DEFAULT 0,
  z_order INTEGER NOT NULL DEFAULT 0, rotation REAL NOT NULL DEFAULT 0.0,
  attributes TEXT) STRICT;
CREATE INDEX tracked_shape_track ON tracked_shape(track_id, frame);
CREATE TABLE guide (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  project_id INTEGER UNIQUE REFERENCES project(id) ON DELETE CASCADE,
  task_id INTEGER UNIQUE REFERENCES task(id) ON DELETE CASCADE,
  markdown TEXT NOT NULL DEFAULT '', created_date TEXT NOT NULL, updated_date TEXT NOT NULL,
  CHECK ((project_id IS NULL) <> (task_id IS NULL))) STRICT;
CREATE TABLE asset (
  uuid TEXT PRIMARY KEY, guide_id INTEGER NOT NULL REFERENCES guide(id) ON DELETE CASCADE,
  filename TEXT NOT NULL, media_id INTEGER NOT NULL REFERENCES media(id),
  owner_id INTEGER REFERENCES user(id) ON DELETE SET NULL, created_date TEXT NOT NULL) STRICT;
CREATE INDEX asset_guide ON asset(guide_id);
CREATE INDEX asset_media ON asset(media_id);
CREATE TABLE request (
  id TEXT PRIMARY KEY, status TEXT NOT NULL CHECK (status IN ('queued','started','finished','failed')),
  action TEXT NOT NULL, target TEXT NOT NULL, subresource TEXT NOT NULL,
  project_id INTEGER, task_id INTEGER, job_id INTEGER, format TEXT, lightweight INTEGER,
  progress REAL NOT NULL DEFAULT 0.0, message TEXT NOT NULL DEFAULT '',
  result_path TEXT, result_id INTEGER, owner_id INTEGER REFERENCES user(id) ON DELETE SET NULL,
  created_date TEXT NOT NULL, started_date TEXT, finished_date TEXT, report TEXT) STRICT;
CREATE INDEX request_created ON request(created_date);
CREATE TABLE event (
  id INTEGER PRIMARY KEY, created_date TEXT NOT NULL, scope TEXT NOT NULL,
  target TEXT NOT NULL, target_id INTEGER, payload TEXT) STRICT;
"""


def upgrade() -> None:
    """Create every table and index."""
    for statement in STATEMENTS.split(";\n"):
        if statement.strip():
            op.execute(statement)
