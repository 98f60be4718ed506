# The service as an image: docker build -t vector-backup .
# deploy/compose.yaml runs it beside a PostgreSQL, deploy/try-image.sh does what stands here without Docker.

FROM python:3.12-slim AS build
WORKDIR /src
COPY pyproject.toml requirements.txt requirements-milvus.txt requirements-objects.txt requirements-redis.txt README.md LICENSE app_config.py unified_api.py ./
COPY common common
COPY data_pipeline data_pipeline
RUN python -m venv /opt/vector-backup && /opt/vector-backup/bin/pip install --no-cache-dir --disable-pip-version-check .

FROM python:3.12-slim
COPY --from=build /opt/vector-backup /opt/vector-backup
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin vector-backup \
    && install -d -o vector-backup -g vector-backup /data /data/backups

# Everything that changes lies in /data and /tmp: the rest may be read-only.
ENV PATH=/opt/vector-backup/bin:/usr/local/bin:/usr/bin:/bin
ENV PYTHONDONTWRITEBYTECODE=1
ENV HOST=0.0.0.0
ENV PORT=8084
ENV OUTPUT_DIRECTORY=/data/backups
ENV EMBEDDED_DATA_DIR=/data/pgdata
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8084
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/healthz', timeout=5)"]
ENTRYPOINT ["vector-backup"]
CMD ["serve"]
