"""Object stores on this machine: what happens to a run that is killed."""
