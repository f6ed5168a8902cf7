#!lua
-- Rewrites what is stored of one chat, whole or not at all: a line of its book that gets to know more, or all that an earlier
-- release wrote.
-- KEYS[1] {p:s}
-- ARGV: 1 suffix of the chat's book; then seven lists, each headed by the number of its items:
--   lines of the ledger: field, text as it is expected, new text
--   sessions: suffix, text as it is expected, new text, counter of its state, counter of its new state
--   acts: field of the ledger, text; one that is there already stays
--   inbox entries to take away: id
--   inbox entries to add: field, text, and the act that must be new for it ('' for none)
--   timers to take away: member
--   ends of untouched sessions to set: member, due, ms
-- Returns ok | changed: something is not as expected, nothing was written
local p = KEYS[1] .. ':'
local ledger, inbox, timers = p .. 'ledger', p .. 'inbox', p .. 'timers'
local at = 2
local function list(size)
  local items = {}
  local count = tonumber(ARGV[at])
  at = at + 1
  for i = 1, count do
    items[i] = {}
    for field = 1, size do items[i][field] = ARGV[at + field - 1] end
    at = at + size
  end
  return items
end
local lines, sessions, acts, taken, added, ended, set = list(3), list(5), list(2), list(1), list(3), list(1), list(2)

for _, line in ipairs(lines) do
  if redis.call('HGET', ledger, line[1]) ~= line[2] then return 'changed' end
end
for _, session in ipairs(sessions) do
  if redis.call('HGET', p .. session[1], 's') ~= session[2] then return 'changed' end
end
for _, entry in ipairs(taken) do
  if #redis.call('XRANGE', inbox, entry[1], entry[1]) == 0 then return 'changed' end
end

for _, line in ipairs(lines) do redis.call('HSET', ledger, line[1], line[3]) end
for _, session in ipairs(sessions) do
  redis.call('HSET', p .. session[1], 's', session[3])
  if session[4] ~= session[5] then
    redis.call('HINCRBY', p .. 'stats:states', session[4], -1)
    redis.call('HINCRBY', p .. 'stats:states', session[5], 1)
  end
end
local isNew = { [''] = true }
for _, act in ipairs(acts) do
  if redis.call('HSETNX', ledger, act[1], act[2]) == 1 then
    redis.call('RPUSH', p .. ARGV[1], act[1])
    redis.call('INCR', p .. 'stats:acts')
    isNew[act[1]] = true
  end
end
for _, entry in ipairs(taken) do redis.call('XDEL', inbox, entry[1]) end
for _, entry in ipairs(added) do
  if isNew[entry[3]] then redis.call('XADD', inbox, '*', entry[1], entry[2]) end
end
for _, timer in ipairs(ended) do redis.call('ZREM', timers, timer[1]) end
for _, timer in ipairs(set) do
  if redis.call('ZADD', timers, 'NX', timer[2], timer[1]) == 1 then redis.call('INCR', p .. 'stats:expiries') end
end
return 'ok'
