# The service. On a CPU: docker build -t pandora .   On a GPU: docker build --target gpu -t pandora-gpu .
# Run: docker run --rm -p 127.0.0.1:8000:8000 -v pandora-data:/data pandora        (or: docker compose up)
#      docker run --rm --gpus all -p 127.0.0.1:8000:8000 -v pandora-data:/data pandora-gpu
FROM python:3.12-slim AS base

# pip takes torch's CUDA build unless it is told of an index with CPU builds: --build-arg PIP_ARGS="--extra-index-url …".
ARG PIP_ARGS=""
ARG EXTRAS=""

WORKDIR /app
RUN useradd --system --uid 10001 --create-home pandora && install -d -o pandora /data

# The libraries change less often than the code, so they get a layer of their own.
COPY pyproject.toml LICENSE ./
COPY pandora/__init__.py pandora/
COPY server/__init__.py server/
# hadolint ignore=DL3013,SC2086
RUN pip install --no-cache-dir $PIP_ARGS ".$EXTRAS"

COPY pandora pandora
COPY server server
RUN pip install --no-cache-dir --no-deps --force-reinstall .
COPY weights weights

# Inside a container every caller is remote; what may reach it is decided where its port is published.
ENV PYTHONUNBUFFERED=1 \
    PANDORA_HOST=0.0.0.0 \
    PANDORA_PORT=8000 \
    PANDORA_ALLOW_REMOTE=1 \
    PANDORA_DATA=/data \
    PANDORA_WEIGHTS=/app/weights/pandora-small
VOLUME /data
EXPOSE 8000
CMD ["pandora", "serve"]

# The 7B tier. Published checkpoints are fetched into the volume at the first start: 35 GB, which takes a while.
FROM base AS gpu
# Triton compiles the stubs of its kernels with the system's C compiler.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/*
ENV NVIDIA_VISIBLE_DEVICES=all \
    NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    HF_HOME=/data/hub \
    PANDORA_DEVICE=cuda \
    PANDORA_PRESET=pandora-7b
USER 10001
HEALTHCHECK --interval=15s --timeout=5s --start-period=60m --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]

# The small tier, and what `docker build` makes unless it is told otherwise.
FROM base AS cpu
ENV HF_HUB_OFFLINE=1
USER 10001
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=4)"]
