//! Files from elsewhere: records to be replayed, the config file, reports, kubeconfigs.
