# The service on a CPU. Build: docker build -t pandora .
# Run: docker run --rm -p 127.0.0.1:8000:8000 -v pandora-data:/data pandora   (or: docker compose up)
FROM python:3.12-slim

# pip takes torch's CUDA build unless it is told of an index with CPU builds: --build-arg PIP_ARGS="--extra-index-url …".
ARG PIP_ARGS=""

WORKDIR /app
RUN useradd --system --uid 10001 --create-home pandora && install -d -o pandora /data

# The libraries change less often than the code, so they get a layer of their own.
COPY pyproject.toml LICENSE ./
COPY pandora/__init__.py pandora/
COPY server/__init__.py server/
RUN pip install --no-cache-dir $PIP_ARGS .

COPY pandora pandora
COPY server server
RUN pip install --no-cache-dir --no-deps --force-reinstall .
COPY weights weights

# Inside a container every caller is remote; what may reach it is decided where its port is published.
ENV PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    PANDORA_HOST=0.0.0.0 \
    PANDORA_PORT=8000 \
    PANDORA_ALLOW_REMOTE=1 \
    PANDORA_DATA=/data \
    PANDORA_WEIGHTS=/app/weights/pandora-small
USER pandora
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
CMD ["pandora", "serve"]
