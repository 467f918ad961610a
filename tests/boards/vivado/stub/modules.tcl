# References to modules: cells of Verilog that is not packaged, whose interfaces come from its attributes.
#
# Sources: AMD UG994 (module references; X_INTERFACE_INFO, X_INTERFACE_PARAMETER), UG835 (create_bd_cell -type module
# -reference). Masters' spaces and slaves' segments are called as those of packaged cores.

namespace eval stub {
    # Verilog files of the project.
    variable verilog {}
}

# The module's cell, from the file of the project that defines it.
proc stub::module_core {name} {
    variable verilog
    foreach path $verilog {
        set channel [open $path]
        set text [read $channel]
        close $channel
        if {[regexp "\nmodule $name\\(.*?\nendmodule" $text module]} {
            add_core xilinx.com:module_ref:$name:1.0 {} {} [list stub::packaged [module_shape $module]]
            return xilinx.com:module_ref:$name:1.0
        }
    }
    refuse "create_bd_cell: no file of the project has a module $name"
}

proc stub::module_shape {module} {
    variable axi
    set shape [dict create pins {} interfaces {} spaces {} segments {}]
    set clocks {}
    set pattern {X_INTERFACE_INFO = "(\S+) (\S+) \S+" \*\)\s+\(\* X_INTERFACE_PARAMETER = "([^"]*)" \*\)\s+(input|output)}
    foreach {- kind name settings direction} [regexp -all -inline $pattern $module] {
        set parameters {}
        foreach setting [lrange [split $settings ,] 1 end] {
            dict set parameters [lindex $setting 0] [lindex $setting 1]
        }
        set way [expr {$direction eq "input" ? "in" : "out"}]
        switch -- [lindex [split $kind :] 2] {
            clock {
                dict set shape pins $name [pin $way clock 1 1]
                foreach bus [split [dict get $parameters ASSOCIATED_BUSIF] :] {
                    dict set clocks $bus $name
                }
                dict set clocks [dict get $parameters ASSOCIATED_RESET] $name
            }
            reset {dict set shape pins $name [pin $way reset 1 1 [dict get $parameters POLARITY] aclk]}
            interrupt {dict set shape pins $name [pin $way interrupt 1 1]}
            aximm {
                set bytes [expr {1 << [dict get $parameters ADDR_WIDTH]}]
                set mode [expr {$way eq "out" ? "master" : "slave"}]
                dict set shape interfaces $name [interface $mode $axi [dict get $parameters PROTOCOL] \
                    [dict get $parameters DATA_WIDTH] aclk]
                if {$mode eq "master"} {
                    dict set shape spaces $name [dict create windows [list $name 0 $bytes]]
                } else {
                    dict set shape segments $name/reg0 [dict create interface $name offset "" bytes $bytes]
                }
            }
        }
    }
    return $shape
}
