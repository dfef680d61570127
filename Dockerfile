# Two stages, so that what builds the environment is not in what runs. Pinned as `make install` is,
# and the PostgreSQL driver with it.
FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
WORKDIR /src
COPY requirements-postgres.lock ./
RUN /opt/venv/bin/pip install --require-hashes -r requirements-postgres.lock
COPY pyproject.toml README.md LICENSE ./
COPY cds_service cds_service
COPY hooks hooks
RUN /opt/venv/bin/pip install --no-deps --no-build-isolation .

FROM python:3.11-slim-bookworm AS runtime
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 HOST=0.0.0.0 PORT=8000
RUN useradd --system --uid 10001 --create-home --home-dir /srv/b12-cds b12cds
WORKDIR /srv/b12-cds
COPY --from=build /opt/venv /opt/venv
COPY fixtures fixtures
RUN install -d -o b12cds var
USER b12cds
EXPOSE 8000
VOLUME /srv/b12-cds/var
HEALTHCHECK --interval=15s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/ready', timeout=2)"]
CMD ["b12-cds", "serve"]
