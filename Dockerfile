FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements/uv.txt requirements/runtime.txt requirements/
RUN python -m venv /uv && /uv/bin/pip install --no-cache-dir --require-hashes -r requirements/uv.txt
RUN python -m venv --without-pip /venv \
    && /uv/bin/uv pip sync --no-cache --python /venv --require-hashes --compile-bytecode requirements/runtime.txt
COPY . .
RUN /uv/bin/uv pip install --no-cache --python /venv --no-deps --no-build-isolation --compile-bytecode .

FROM python:3.12-slim
# LightGBM's wheel leaves OpenMP to the system.
RUN apt-get update && apt-get install -y --no-install-recommends libgomp1 && rm -rf /var/lib/apt/lists/* \
    && useradd --uid 10001 --create-home --home-dir /var/lib/quarterdeck quarterdeck
COPY --from=build /venv /venv
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    MPLCONFIGDIR=/tmp/matplotlib \
    NUMBA_CACHE_DIR=/tmp/numba \
    QUARTERDECK_HOME=/var/lib/quarterdeck
USER quarterdeck
WORKDIR /app
COPY config.yaml .
VOLUME /var/lib/quarterdeck
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["quarterdeck", "alive"]
ENTRYPOINT ["quarterdeck"]
CMD ["run"]
