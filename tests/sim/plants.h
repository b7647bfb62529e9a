/*
 * Mistakes that are made on purpose, one at a time, to see that they are found. Most take the place of a
 * function of the cores or the storage by the linker (--wrap, in local.mk); the others are in the simulator's
 * own shells, where plant_is asks for them.
 *
 * Runs on: the one thread; chosen once, before the first run.
 */
#ifndef BARNABAS_TESTS_SIM_PLANTS_H
#define BARNABAS_TESTS_SIM_PLANTS_H

#include <stdbool.h>

enum plant {
    PLANT_NONE,
    PLANT_CUT_TO_HIGH_WATERMARK,
    PLANT_JOIN_AT_STALE_HIGH_WATERMARK,
    PLANT_DIVERGING_IS_PROGRESS,
    PLANT_DIVERGENCE_NOT_TOLD,
    PLANT_LOSS_NOT_NOTICED,
    PLANT_FENCE_OPEN,
    PLANT_OLD_CONNECTION_OBEYED,
    PLANT_OLD_CONTROLLER_WRITES,
    PLANT_LATE_ISR_ANSWER_TAKEN,
    PLANT_PENDING_ISR_NOT_COUNTED,
    PLANT_MIN_ISR_NOT_ASKED,
    PLANT_ACKNOWLEDGED_TOO_EARLY,
    PLANT_WAIT_OUTLIVES_LEADER,
    PLANT_LEADER_EPOCH_NOT_CHECKED,
    PLANT_PRODUCERS_NOT_REPLICATED,
    PLANT_EPOCHS_NOT_CUT,
    PLANT_SYNC_LEFT_OUT,
    PLANT_FAILED_SYNC_IGNORED,
    PLANT_RECOVERY_POINT_TOO_HIGH,
    PLANT_STALE_CLEAN_MARKER,
    PLANT_WATCH_FORGOTTEN,
    PLANT_BROKER_EPOCHS_NOT_NAMED,
    PLANT_OUT_OF_RANGE_ABOVE_HIGH_WATERMARK,
    PLANT_OTHERS_NOT_WAITED_FOR,
    PLANT_UNCOMMITTED_COMPACTED,
    PLANT_COMPACTED_NOT_SYNCED,
    PLANT_LOADED_TO_HIGH_WATERMARK,
    PLANT_COMMIT_ANSWERED_EARLY,
    PLANT_COORDINATOR_NOT_UNLOADED,
    PLANT_OLD_GENERATION_COMMITS,
    PLANT_ASSIGNMENT_GIVEN_EARLY,
    PLANTS
};

/* False when there is none of that name. */
bool plant_choose(const char *name);
bool plant_is(enum plant plant);
/* NULL from PLANTS on. */
const char *plant_name(int plant);

#endif
