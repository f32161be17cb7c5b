# PoseFlow on a CPU, as a user without rights:
#   docker build -t poseflow .
#   docker run --rm -v "$PWD:/data" -u "$(id -u):$(id -g)" poseflow track street.mp4 -o tracked.json
FROM python:3.13-slim

# OpenCV needs these two libraries; the rest comes in wheels.
RUN apt-get update \
    && apt-get install -y --no-install-recommends libgl1 libglib2.0-0 \
    && rm -rf /var/lib/apt/lists/*

COPY . /src
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu \
        -c /src/constraints.txt "/src[all]" \
    && rm -rf /src

RUN useradd --create-home poseflow
USER poseflow
WORKDIR /data
ENTRYPOINT ["poseflow"]
