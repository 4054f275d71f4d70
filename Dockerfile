# The image runs what `make` runs: the same locks, installed by the same commands (a test compares them, and runs these
# steps). Python's base image is pinned by digest, the tag is for people; Dependabot proposes the next (docs/release.md).

FROM python:3.13-slim@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285 AS build

ENV PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1
WORKDIR /build
COPY requirements/bootstrap.txt requirements/compile.txt requirements/runtime.txt requirements/
RUN python3 -m venv .venv && \
    .venv/bin/pip install --quiet --quiet --disable-pip-version-check --require-hashes -r requirements/bootstrap.txt
RUN python3 -m venv --without-pip /opt/unwonted && \
    .venv/bin/uv pip install --quiet --python /opt/unwonted/bin/python --require-hashes -r requirements/runtime.txt

# What compiles stays in this stage, with the libraries from which our classes derive.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
RUN .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/runtime.txt && \
    .venv/bin/uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements/compile.txt

# The project comes last, so that a change of code alone leaves the layers above in the cache.
COPY pyproject.toml hatch_build.py README.md LICENSE ./
COPY models models
COPY service service
RUN UNWONTED_MYPYC=1 .venv/bin/hatchling build -t wheel && \
    .venv/bin/uv pip install --quiet --python /opt/unwonted/bin/python --no-deps dist/*.whl && \
    /opt/unwonted/bin/python -m compileall -q -j 0 /opt/unwonted/lib


FROM python:3.13-slim@sha256:9d2e5553305c7c7b0097999bb17187c69b921ccd6bc9d40e4bb5ebe652c00285

LABEL org.opencontainers.image.title="Unwonted" \
      org.opencontainers.image.description="Alerts when an identity does in Azure what it does not do" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"

# A numeric user, so that Kubernetes can see that it is not root.
RUN install -d -o 10001 -g 10001 -m 0750 /state
COPY --from=build /opt/unwonted /opt/unwonted
COPY config/unwonted.yaml /etc/unwonted/unwonted.yaml

ENV PATH=/opt/unwonted/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    UNWONTED_CONFIG=/etc/unwonted/unwonted.yaml
WORKDIR /state
USER 10001:10001
VOLUME ["/state", "/tmp"]
EXPOSE 8080

HEALTHCHECK --interval=30s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/healthz/live', timeout=2)"]

ENTRYPOINT ["unwonted"]
CMD ["run"]
