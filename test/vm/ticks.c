/*
 * Prints how fast this machine's time stamp counter runs, in kHz.
 *
 * A kernel in emulation counts with the same one, and measures it badly while it boots: the emulator waits for a
 * processor whenever this machine is busy, and the kernel's clock then runs at half or seven times its speed.
 */
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int main(void)
{
	const struct timespec while_sleeping = { 0, 200000000 };
	double began = seconds();
	unsigned long long first = __rdtsc();

	nanosleep(&while_sleeping, NULL);
	double took = seconds() - began;
	printf("%.0f\n", (__rdtsc() - first) / took / 1e3);
	return 0;
}
