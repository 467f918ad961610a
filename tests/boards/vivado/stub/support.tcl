# Refusals, options, objects, and the order of steps.

namespace eval stub {
    # The first refusal.
    variable refused ""
    # Steps done, in order.
    variable steps {}
}

proc stub::refuse {message} {
    variable refused
    if {$refused eq ""} {
        set refused $message
    }
    return -code error -errorcode STUB $message
}

# Options and positional arguments of a command, as a dict; the latter under "". An option in the specification that
# ends in "=" takes a value.
proc stub::parse {command specification arguments {least 0} {most 0}} {
    set found [dict create "" {}]
    while {[llength $arguments]} {
        set arguments [lassign $arguments word]
        if {![string match -* $word]} {
            dict lappend found "" $word
        } elseif {$word in $specification} {
            dict set found $word 1
        } elseif {"$word=" in $specification} {
            if {![llength $arguments]} {
                refuse "$command: option $word needs a value"
            }
            set arguments [lassign $arguments value]
            dict set found $word $value
        } else {
            refuse "$command has no option $word that is known here"
        }
    }
    set count [llength [dict get $found ""]]
    if {$count < $least || $count > $most} {
        refuse "$command takes $least to $most arguments, not $count"
    }
    return $found
}

proc stub::option {options name {default ""}} {
    return [expr {[dict exists $options $name] ? [dict get $options $name] : $default}]
}

proc stub::need {options command name} {
    if {![dict exists $options $name]} {
        refuse "$command: option $name is missing"
    }
    return [dict get $options $name]
}

# Objects are not their names here, so that a name in place of an object is noticed, and an object of another kind.
proc stub::object {kind name} {
    return "<$kind /[string trimleft $name /]>"
}

proc stub::name {kinds object command} {
    if {![regexp {^<(\w+) /(.*)>$} $object -> kind name]} {
        refuse "$command: '$object' is not an object; one of kind $kinds is wanted"
    }
    if {$kind ni $kinds} {
        refuse "$command: $object is not of kind $kinds"
    }
    return $name
}

proc stub::kind {object command} {
    if {![regexp {^<(\w+) /} $object -> kind]} {
        refuse "$command: '$object' is not an object"
    }
    return $kind
}

# What a get_ command gives: an object, or a refusal where there is none.
proc stub::found {options kind name exists} {
    if {$exists} {
        return [object $kind $name]
    }
    if {[dict exists $options -quiet]} {
        return ""
    }
    refuse "there is no $kind $name"
}

proc stub::step {name} {
    variable steps
    lappend steps $name
}

proc stub::after {command args} {
    variable steps
    foreach name $args {
        if {$name ni $steps} {
            refuse "$command before $name"
        }
    }
}

proc stub::check_file {command path} {
    if {![file isfile $path]} {
        refuse "$command: there is no file $path"
    }
}

# Write a file that Vivado would.
proc stub::write_file {path text} {
    file mkdir [file dirname $path]
    set channel [open $path w]
    puts $channel $text
    close $channel
}
