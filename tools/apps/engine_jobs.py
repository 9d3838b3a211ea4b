"""The endless loop as a task of Celery, whose broker is a folder of files."""

from __future__ import annotations

import os

from celery import Celery

from asgi_liveness import LoopBody

SETTING = "ENGINE_FOLDER"
FOLDER = os.environ.get(SETTING, ".")

queue = Celery(broker="filesystem://")
queue.conf.broker_transport_options = {
    "data_folder_in": f"{FOLDER}/messages",
    "data_folder_out": f"{FOLDER}/messages",
    "control_folder": f"{FOLDER}/control",
}
queue.conf.worker_redirect_stdouts = False  # or each line that the loop prints is logged


def loop() -> None:
    body = LoopBody("/queued")
    while body.running:
        body.step()


@queue.task(acks_late=False)
def early() -> None:
    loop()


@queue.task(acks_late=True)
def late() -> None:
    loop()
