-- Writes a whole publication, or nothing.
--
-- KEYS: status:replay, status:alerts, backlog, backlog:by_provider
-- ARGV: epoch, version, then the texts of the first three keys ('' = none), then field, text, … of the hash
-- Returns {'1', epoch, version} if written, or {'0', epoch, version} of the newest stored value if that is not older.

local part_max = 9007199254740991 -- 2^53 - 1: beyond it a Lua number is not exact

local function is_part(number)
    return type(number) == 'number' and number >= 0 and number <= part_max and number == math.floor(number)
end

-- Epoch and version of a key's value; -1, -1 if there is no readable value.
local function stamp_of(key)
    if redis.call('TYPE', key).ok ~= 'string' then return -1, -1 end
    local is_json, value = pcall(cjson.decode, redis.call('GET', key))
    if not is_json or type(value) ~= 'table' or type(value.meta) ~= 'table' then return -1, -1 end
    local epoch, version = value.meta.epoch, value.meta.version
    if not is_part(epoch) or not is_part(version) then return -1, -1 end
    return epoch, version
end

local function put(key, text)
    if text == '' then redis.call('DEL', key) else redis.call('SET', key, text) end
end

local epoch, version = tonumber(ARGV[1]), tonumber(ARGV[2])

local newest_epoch, newest_version = -1, -1
for i = 1, 3 do
    local e, v = stamp_of(KEYS[i])
    if e > newest_epoch or (e == newest_epoch and v > newest_version) then newest_epoch, newest_version = e, v end
end
if newest_epoch > epoch or (newest_epoch == epoch and newest_version >= version) then
    -- As text: a number this large would come back rounded or in exponent form.
    return {'0', string.format('%.0f', newest_epoch), string.format('%.0f', newest_version)}
end

-- The keys with a stamp come last: if Redis stops the script before, for a command that the user may not use, it is not
-- taken for done.
-- Replaces the hash, so that providers without a backlog disappear. Readers never see the state in between.
redis.call('DEL', KEYS[4])
for i = 6, #ARGV, 2 do redis.call('HSET', KEYS[4], ARGV[i], ARGV[i + 1]) end
for i = 1, 3 do put(KEYS[i], ARGV[2 + i]) end
return {'1', ARGV[1], ARGV[2]}
