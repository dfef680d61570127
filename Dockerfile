# Two stages, so that what builds the environment is not in what runs. Pinned as `make install` is, and the PostgreSQL
# driver with it. For a release, pin the base too: docker build --build-arg BASE=python:3.11-slim-bookworm@sha256:... .
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/venv
WORKDIR /src
COPY requirements-postgres.lock ./
RUN /opt/venv/bin/python -m pip install --require-hashes -r requirements-postgres.lock
COPY pyproject.toml README.md LICENSE ./
COPY cds_service cds_service
COPY fixtures fixtures
COPY hooks hooks
# What only installs is not needed to run, and is nothing to be attacked through.
RUN /opt/venv/bin/python -m pip install --no-deps --no-build-isolation . \
  && /opt/venv/bin/python -m pip uninstall --yes setuptools pip

FROM ${BASE} AS runtime
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 HOST=0.0.0.0 PORT=8000
RUN useradd --system --uid 10001 --create-home --home-dir /srv/b12-cds b12cds \
  && install -d -o b12cds /srv/b12-cds/var
WORKDIR /srv/b12-cds
COPY --from=build /opt/venv /opt/venv
# By number, so that Kubernetes can see that it is not root.
USER 10001
EXPOSE 8000
# The one place that is written to; all else may be read-only.
VOLUME /srv/b12-cds/var
# Whether the process answers, and not /ready: hooks go on while the database is away, and a restart would mend nothing.
HEALTHCHECK --interval=15s --timeout=3s --start-period=30s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/health', timeout=2)"]
CMD ["b12-cds", "serve"]
