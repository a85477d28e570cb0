#!/bin/sh
# sbatch --array=0-15 slurm.sh; the store is on a file system that all nodes share. Then merge once:
# sbatch --dependency=afterany:JOBID --wrap 'credguard fleet merge "$HOME/fleet/store" --plan "$HOME/fleet/plan.jsonl" --html fleet.html'
#SBATCH --job-name=credguard-fleet
#SBATCH --cpus-per-task=4
#SBATCH --mem=4G
#SBATCH --time=04:00:00
set -eu
export TMPDIR="${SLURM_TMPDIR:-/tmp}" # clones go to the node's own disk
exec credguard fleet run "$HOME/fleet/plan.jsonl" --store "$HOME/fleet/store" --shard auto --disk 50G
