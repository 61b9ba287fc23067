# The web server.  docs/serve.md says how to run it.
FROM python:3.11-slim AS build
COPY . /source
RUN python -m venv /opt/galpipe && /opt/galpipe/bin/pip install --no-cache-dir "/source[web,parquet,remote]"

FROM python:3.11-slim
COPY --from=build /opt/galpipe /opt/galpipe
RUN useradd --create-home --uid 10001 galpipe && install -d -o galpipe -g galpipe /data
USER 10001
VOLUME /data
EXPOSE 8000
# Without GALPIPE_TOKEN the server refuses to listen to other machines.  It is the first process of
# the container and ends in order at SIGTERM.
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD \
    ["/opt/galpipe/bin/python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/api/health', timeout=4)"]
ENTRYPOINT ["/opt/galpipe/bin/galpipe", "serve", "--host", "0.0.0.0", "--storage", "/data"]
