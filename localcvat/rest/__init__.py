"""CVAT's REST API in the process: requests answered without a server or a socket."""
