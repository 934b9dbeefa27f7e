#!/usr/bin/env escript
%%! +P 4000000
%% Measures an OTP supervisor (simple_one_for_one, gen_server children). Arguments: section, size, size of the warm-up, and how
%% often to measure. Prints one line of JSON, with medians. The logger is off: a report per crash would cost more than the crash.
-module(otp_bench).
-mode(compile).
-export([main/1, init/1, start_link/2, handle_call/3, handle_cast/2]).

main([Section, Size, Warm, Times]) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    Run = case Section of
        "mass" -> fun mass/1;
        "single" -> fun single/1;
        "crashMany" -> fun crash_many/1;
        "crashOne" -> fun crash_one/1
    end,
    [Run(list_to_integer(Warm)) || _ <- lists:seq(1, 3)],
    Found = [Run(list_to_integer(Size)) || _ <- lists:seq(1, list_to_integer(Times))],
    Names = [Name || {Name, _} <- hd(Found)],
    Shown = [io_lib:format("\"~s\": ~.3f", [Name, median(Name, Found)]) || Name <- Names],
    io:format("{~s}~n", [lists:join(", ", Shown)]).

median(Name, Found) ->
    Values = lists:sort([proplists:get_value(Name, Measures) || Measures <- Found]),
    lists:nth(length(Values) div 2 + 1, Values) * 1.0.

%% The supervisor and its children.

init({sup, Collector}) ->
    Child = #{id => bot, start => {?MODULE, start_link, [Collector]}, restart => permanent, shutdown => 4000},
    {ok, {#{strategy => simple_one_for_one, intensity => 100000000, period => 1}, [Child]}};
init({child, Collector}) ->
    Collector ! {up, self()},
    {ok, nothing}.

start_link(Collector, _Key) -> gen_server:start_link(?MODULE, {child, Collector}, []).
handle_call(_, _, State) -> {reply, ok, State}.
handle_cast(crash, State) -> {stop, crash, State}.

%% The sections.

mass(Size) -> started(Size, fun(Sup, _Pids) ->
    unlink(Sup),
    Ref = monitor(process, Sup),
    exit(Sup, shutdown),
    receive {'DOWN', Ref, _, _, _} -> ok end
end).

single(Size) -> started(Size, fun(Sup, Pids) ->
    [ok = supervisor:terminate_child(Sup, Pid) || Pid <- Pids]
end).

started(Size, Stop) ->
    {ok, Sup} = supervisor:start_link(?MODULE, {sup, self()}),
    Before = memory(),
    {StartUs, Pids} = timer:tc(fun() -> start(Sup, Size) end),
    flush(Size),
    HeapB = (memory() - Before) / Size,
    {StopUs, _} = timer:tc(fun() -> Stop(Sup, Pids) end),
    finish(Sup),
    [{"startUs", StartUs / Size}, {"stopUs", StopUs / Size}, {"heapB", HeapB}].

%% A supervisor remembers its restarts of the last second, the shortest period there is, in a list that it walks at each
%% further one. Here every round has a fresh supervisor, so that the list is no longer than one round makes it.
crash_many(Size) ->
    Rounds = max(1, 10000 div Size),
    Us = lists:sum([crash_all(Size) || _ <- lists:seq(1, Rounds)]),
    [{"crashUs", Us / Rounds / Size}].

crash_all(Size) ->
    {ok, Sup} = supervisor:start_link(?MODULE, {sup, self()}),
    Pids = start(Sup, Size),
    flush(Size),
    {Us, _} = timer:tc(fun() ->
        [gen_server:cast(Pid, crash) || Pid <- Pids],
        flush(Size)
    end),
    finish(Sup),
    Us.

%% Here the list is part of what is measured: one supervisor bears all crashes.
crash_one(Size) ->
    Times = min(Size, 20000),
    {ok, Sup} = supervisor:start_link(?MODULE, {sup, self()}),
    start(Sup, 1),
    {Us, _} = timer:tc(fun() ->
        [receive {up, Pid} -> gen_server:cast(Pid, crash) end || _ <- lists:seq(1, Times)],
        flush(1)
    end),
    finish(Sup),
    [{"crashUs", Us / Times}].

start(Sup, Size) -> [element(2, {ok, _} = supervisor:start_child(Sup, [Key])) || Key <- lists:seq(1, Size)].

finish(Sup) ->
    unlink(Sup),
    Ref = monitor(process, Sup),
    exit(Sup, shutdown),
    receive {'DOWN', Ref, _, _, _} -> ok end,
    flush().

flush(0) -> ok;
flush(Size) -> receive {up, _} -> flush(Size - 1) end.

flush() -> receive _ -> flush() after 0 -> ok end.

memory() ->
    [garbage_collect(Pid) || Pid <- processes()],
    erlang:memory(total).
