"""The system's clock jumps within a run: the long form alone, where a C compiler is."""

import shutil
import subprocess

import pytest

from segment_dagster_tests.chaos.figures import FIGURES

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>

/* The real time, and JUMP seconds more once the file JUMPED is there. */
static long jump(void) {
    struct stat found;
    const char *file = getenv("JUMPED"), *seconds = getenv("JUMP");
    return file && seconds && !stat(file, &found) ? atol(seconds) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (!result && clock == CLOCK_REALTIME) time->tv_sec += jump();
    return result;
}

int gettimeofday(struct timeval *time, void *zone) {
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    time->tv_sec = now.tv_sec;
    time->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *into) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (into) *into = now.tv_sec;
    return now.tv_sec;
}
"""


BEFORE = r"history: \d+ keys? with a version that ends before it begins"
"""What the check `history` tells for ever of versions that a clock dated which was ahead."""


@pytest.mark.timeout(900)
def test_the_systems_clock_jumps_within_a_run(loaded, tmp_path):
    compiler = shutil.which("cc")
    if compiler is None:
        FIGURES.notes.append("no jump of the system's clock within a run: there is no cc")
        return
    source, shim, jumped = (tmp_path / name for name in ("jump.c", "jump.so", "jumped"))
    source.write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(shim), str(source), "-ldl"], check=True)
    runs = loaded("system clock", history=True)
    for days in (-1, 1, -400, 400):
        runs.change()
        runs.emulator.hooks.at(runs.random.randint(1, 50), jumped.touch)
        jump = {"JUMPED": str(jumped), "JUMP": str(days * 86_400)}
        runs.repair(f"the system's clock jumped by {days} days", allowed=BEFORE, LD_PRELOAD=str(shim), **jump)
        assert jumped.exists()
        jumped.unlink()
        FIGURES.cases["clocks that jumped"] += 1
        runs.change()
        runs.repair("the system's clock jumped back", allowed=BEFORE)
