# The outcome as JSON.

proc stub::json_string {text} {
    return "\"[string map {\\ \\\\ \" \\\"} $text]\""
}

proc stub::json_list {values} {
    return "\[[join $values {, }]\]"
}

proc stub::json_object {pairs} {
    return "{[join [lmap {key value} $pairs {format {%s: %s} [json_string $key] $value}] {, }]}"
}

proc stub::json_strings {values} {
    return [json_list [lmap value $values {json_string $value}]]
}

proc stub::dump {path} {
    variable cells
    variable nets
    variable links
    variable assigned
    variable excluded
    variable project
    variable steps
    set parts {}
    dict for {name cell} $cells {
        set config [lmap {key value} [dict get $cell config] {list $key [json_string $value]}]
        lappend parts $name [json_object [list \
            core [json_string [dict get $cell core]] config [json_object [concat {*}$config]]]]
    }
    set wires {}
    dict for {driver sinks} $nets {
        lappend wires $driver [json_strings $sinks]
    }
    set interfaces {}
    dict for {a b} $links {
        if {[dict get [entry interfaces $a] mode] eq "master"} {
            lappend interfaces $a [json_string $b]
        }
    }
    set addresses {}
    dict for {space segments} $assigned {
        set places [lmap {segment place} $segments {list $segment [json_list $place]}]
        lappend addresses $space [json_object [concat {*}$places]]
    }
    set outs {}
    dict for {space segments} $excluded {
        lappend outs $space [json_strings $segments]
    }
    set watched {}
    dict for {a b} $stub::watching {
        lappend watched $a [json_string $b]
    }
    set facts {}
    foreach key {name part board_part board_connections top} {
        lappend facts $key [json_string [dict get $project $key]]
    }
    write_file $path [json_object [list project [json_object $facts] steps [json_strings $steps] \
        cells [json_object $parts] nets [json_object $wires] interfaces [json_object $interfaces] watching [json_object $watched] \
        addresses [json_object $addresses] excluded [json_object $outs]]]
}
