//! What the tests and the maker of the man pages use of the rest. Nothing else is public, so that the compiler finds what nobody uses.

pub mod cli {
    pub use crate::cli::{
        Action, DryRun, FaultRequest, HowMany, Invocation, Output, Rehearsed, Request, Shell, Wanted, command,
        completion, parse,
    };
    pub mod guide {
        pub use crate::cli::guide::{faults, questions};
    }
}

pub mod cluster {
    pub use crate::cluster::{
        Ask, Cluster, ClusterError, Connection, ErrorKind, Found, Impersonate, NamedTarget, Selection,
        VirtualMachineInstance, WarningSink, find, names, pod_admission, survey,
    };
    pub mod access {
        pub use crate::cluster::access::{Places, Verdict, review};
    }
    pub mod events {
        pub use crate::cluster::events::{Happened, Recorder, Regarding};
    }
    pub mod migration {
        pub use crate::cluster::migration::VirtualMachineInstanceMigration;
    }
    pub mod pod_namespace {
        pub use crate::cluster::pod_namespace::{Own, PodNamespaces};
    }
    pub mod rules {
        pub use crate::cluster::rules::{Needed, Rule, RuleScope};
    }
    pub mod vm {
        pub use crate::cluster::vm::VirtualMachine;
    }
    pub mod watch {
        pub use crate::cluster::watch::{Change, Changes, vmis};
    }
}

pub mod command_line {
    pub use crate::command_line::{CommandLine, quoted};
}

pub mod escape {
    pub use crate::escape::{escape, is_dangerous};
}

pub mod fault {
    pub use crate::fault::{
        Binding, Cidr, Directions, Execution, Interface, Launcher, OnMigration, Percent, Ports, Rate, RunField, Target,
        Time, Toleration, ValueError, full_match, parse_count, protects,
    };
    pub mod interface {
        pub use crate::fault::interface::PodNetworks;
    }
    pub mod undo {
        pub use crate::fault::undo::{Strategy, Undo};
    }
}

pub mod faults {
    pub mod packets {
        pub use crate::faults::packets::PacketFault;
        pub mod compile {
            pub use crate::faults::packets::compile::{Expected, Mismatch, NodeVm, Order, Reading, compile, node_plan};
        }
        pub mod filter {
            pub use crate::faults::packets::filter::Protocols;
        }
        pub mod netem {
            pub use crate::faults::packets::netem::ExpectedQdisc;
        }
        pub mod permissions {
            pub use crate::faults::packets::permissions::VM_PACKETS;
        }
        pub mod probe {
            pub use crate::faults::packets::probe::Probe;
        }
    }
}

pub mod name {
    pub use crate::name::{is_key, is_label, is_label_value, is_subdomain};
}

pub mod node {
    pub mod script {
        pub use crate::node::script::SCRIPT;
    }
    pub mod verdict {
        pub use crate::node::verdict::{EndState, Verdict};
    }
    pub mod wire {
        pub use crate::node::wire::{Event, Line};
    }
}

pub mod permissions {
    pub mod missing {
        pub use crate::permissions::missing::missing_rbac;
    }
    pub mod roles {
        pub use crate::permissions::roles::commands;
    }
}

pub mod plan {
    pub use crate::plan::Handle;
    pub mod guards {
        pub mod config {
            pub use crate::plan::guards::config::Config;
        }
    }
}

pub mod report {
    pub use crate::report::{AskedFault, Columns, DryRun, Recorded, RunReport, Time};
}

pub mod run {
    pub mod signals {
        pub use crate::run::signals::Signals;
    }
}

pub mod traces {
    pub use crate::traces::look;
    pub mod changes {
        pub use crate::traces::changes::sorted;
    }
    pub mod debug_pods {
        pub use crate::traces::debug_pods::{DebugPodSeen, LiveRun};
    }
    pub mod events {
        pub use crate::traces::events::{EventSeen, told};
    }
    pub mod items {
        pub use crate::traces::items::item;
    }
    pub mod migrations {
        pub use crate::traces::migrations::{MigrationRun, MigrationSeen};
    }
}

pub mod ui {
    pub use crate::ui::{Confirm, NoTerminal, Picker, Printer, Progress, State};
}
