"""The lane `docker`: the task's image in the container engine beside the worker (a laptop, a machine of one's own).

`import docker` in here is the engine's client library: this folder is `lanes.docker`.
"""
