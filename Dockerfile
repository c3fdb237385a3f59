# The program as compose.yaml runs it: hashed dependencies without the embedded servers, browser libraries, our own packages.
FROM node:24-slim AS browser
WORKDIR /src
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --omit=dev

FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/srv/atiende
WORKDIR /srv/atiende
COPY requirements.lock ./
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.lock
COPY . .
COPY --from=browser /src/node_modules/htmx.org/dist/htmx.min.js agent_console/static/vendor/
RUN printf '#!/bin/sh\nexec python -m atiende "$@"\n' > /usr/local/bin/atiende && chmod +x /usr/local/bin/atiende \
 && useradd --system --uid 10311 --no-create-home atiende \
 && install --directory --owner=atiende /srv/media
USER atiende
EXPOSE 8311
CMD ["atiende", "serve", "--host", "0.0.0.0", "--port", "8311"]
