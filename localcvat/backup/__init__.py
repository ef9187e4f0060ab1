"""CVAT project and task backups: reading, writing, inspecting (backup specification)."""
